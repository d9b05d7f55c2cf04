# The dependency graph of the pipeline: make help
#
# A stage is one rule: outputs, a colon, the inputs it reads and the settings it obeys, a bar, the
# program that makes it. What stands after the bar must exist but may be newer: a rebuilt program
# alone does not throw hours of training away; make -B does.

MAKEFLAGS += --no-builtin-rules --warn-undefined-variables
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.SUFFIXES:
.DEFAULT_GOAL := help

#! the run and its source
#? the name of the run; it names the files under data and checkpoints
RUN ?= fixture
#? Telegram Desktop's export (result.json or its folder), or a channel: @name or https://t.me/name
EXPORT ?= data/fixture/result.json

#! make dump
#? the chat of a full-account export, by name or id
CHAT ?=
#? zone of the dates in exports from before June 2022, such as +03:00
TIMEZONE ?=
#? more arguments for tg-dump, such as --live --config config.ini, or --poll-text
DUMP_FLAGS ?=

#! make clean-text
#? house, or original for the recipe of 2021 byte for byte
RECIPE ?= house
#? posts headed #БТnews: drop the post, only the line, or keep
NEWS ?= post

#! make encode
#? folder of a tokenizer; empty: that of MODEL, or else train one
TOKENIZER ?= $(MODEL)
#? tokens of a trained vocabulary
VOCAB_SIZE ?= 4096
#? share of the posts that is kept for validation
VALIDATION_FRACTION ?= 0.05
#? posts, or continuous for the original recipe's single stream
PACK ?= posts
#? the token that ends a post; empty: the tokenizer's
END_OF_TEXT ?=

#! make train
#? folder of a model to fine-tune; empty: a small one from random weights
MODEL ?=
ifeq ($(MODEL),)
#? transformer blocks of a new model
LAYERS ?= 4
#? channels of a new model
WIDTH ?= 256
#? attention heads of a new model
HEADS ?= 4
#? longest context of a new model
CONTEXT ?= 256
#? optimizer steps; empty: as many as EPOCHS have (a fine-tuning's default)
MAX_STEPS ?= 1000
#? steps in which the learning rate rises (fine-tuning: 500)
WARMUP_STEPS ?= 50
#? highest learning rate (fine-tuning: 5e-5)
LEARNING_RATE ?= 1e-3
#? steps between two lines of the log (fine-tuning: 500)
LOGGING_STEPS ?= 100
#? steps between two checkpoints (fine-tuning: 7000)
SAVE_STEPS ?= 250
#? how many checkpoints are kept; empty: all (a fine-tuning's default)
SAVE_TOTAL_LIMIT ?= 2
else
MAX_STEPS ?=
WARMUP_STEPS ?= 500
LEARNING_RATE ?= 5e-5
LOGGING_STEPS ?= 500
SAVE_STEPS ?= 7000
SAVE_TOTAL_LIMIT ?=
endif
#? passes over the training data
EPOCHS ?= 10
#? tokens of a training example
BLOCK_SIZE ?= 128
#? examples in a batch
BATCH_SIZE ?= 8
#? decides new weights, the order of examples and dropout
SEED ?= 42
#? what products are computed with: fp32, bf16 (twice as fast on processors that have it), auto; empty: fp32
PRECISION ?=
#? steps between two validations; empty: as SAVE_STEPS
EVAL_STEPS ?=
#? validations without a lower loss after which it ends, with the best model; empty: never
PATIENCE ?=
#? more arguments for gpt-finetune, such as --weight-decay 0.01 --lr-scheduler-type cosine
TRAIN_FLAGS ?=
#? threads; empty: a physical core each
THREADS ?=

#! make sample
#? words the bugurts begin with; empty: the first word of a post of the corpus for each
PROMPT ?=
#? how many bugurts are written
COUNT ?= 64
#? how many of them are printed
SHOW ?= 10
#? lower is more likely, higher more daring
TEMPERATURE ?= 0.8
#? more arguments for gpt-sample, such as --top-p 0.9 --seed 7 --filter --weights int8
SAMPLE_FLAGS ?=

#! make bench-train, make bench-precision, make bench-encode, make bench-clean, make bench-dump, make bench-sample
#? more arguments, such as --models rugpt3small --rounds 5, --corpus text.txt, or --megabytes 2000
BENCH_FLAGS ?=

#! make fuzz
#? one parser, such as desktop-json; empty: all
FUZZ_PARSER ?=
#? inputs for each parser
FUZZ_RUNS ?= 100000
#? more arguments for libFuzzer, such as -max_total_time=600 -max_len=65536
FUZZ_FLAGS ?= -seed=1

#! the build
#? instruction set the programs are compiled for
MARCH ?= native

# ---- The programs

# Targets import only what Package.swift says they may.
swift_flags := --configuration release -Xcc -march=$(MARCH) \
  --explicit-target-dependency-import-check error
build := .build
bin := $(build)/release
programs := tg-dump bugurt-clean bpe-encode gpt-finetune gpt-sample
binaries := $(programs:%=$(bin)/%)
# Folders too: they change when a file goes.
sources := $(shell find Sources -not -name '.*') Package.swift

# What the programs need from the system (Debian's names).
packages := libopenblas-dev libdnnl-dev liblapacke-dev zlib1g-dev libxml2-dev libcurl4-openssl-dev \
  libedit-dev pkg-config

## programs: build the five programs
.PHONY: programs
programs: $(binaries)

$(binaries) &: $(sources) $(build)/march | $(build)/installed
	swift build $(swift_flags)
	@touch $(binaries)

# Installs what is missing; without the right to do so, says what to type.
$(build)/installed: pipeline.mk
	@mkdir -p $(@D)
	@command -v swift > /dev/null || \
	  { echo "pipeline.mk: Swift 6.3 is missing: https://www.swift.org/install" >&2; exit 69; }
	@missing=(); \
	for package in $(packages); do \
	  dpkg-query -W -f '$${Status}' $$package 2> /dev/null | grep -q 'ok installed' \
	    || missing+=($$package); \
	done; \
	if [ $${#missing[@]} -gt 0 ]; then \
	  if [ $$(id -u) -eq 0 ] && command -v apt-get > /dev/null; then \
	    echo "installing $${missing[*]}" >&2; \
	    apt-get update -qq; \
	    DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends \
	      "$${missing[@]}" > /dev/null; \
	  else \
	    echo "pipeline.mk: missing: $${missing[*]}; type:" >&2; \
	    echo "  sudo apt-get install $${missing[*]}" >&2; \
	    exit 69; \
	  fi; \
	fi
	@touch $@

# ---- Settings

# $(call keep_settings,FILE,VARIABLE): a stage's settings stand in a file that is rewritten only when
# they change, so that a changed variable reruns the stages it feeds and no others. What cannot
# change a result (threads, how often something is logged or saved) is not among them. They are
# compared when make starts, so that make -n tells the truth and changes nothing.
define keep_settings
ifneq ($$(file < $(1)),$$($(2)))
$(1): FORCE
endif
$(1):
	@mkdir -p $$(@D)
	@printf '%s\n' $$(call quoted,$$($(2))) > $$@
endef
.PHONY: FORCE
FORCE:

# $(call option,--name,VALUE): the option, unless its value is empty.
option = $(if $(2),$(1) $(call quoted,$(2)))
# A path with its blanks escaped for make.
escaped = $(subst $(empty) $(empty),\ ,$(1))
empty :=
# A value in single quotes for the shell.
quoted = '$(subst ','\'',$(1))'

$(eval $(call keep_settings,$(build)/march,MARCH))

# ---- The stages

# Programs write whole outputs or none, so make need not remove what stood there when one fails.
.PRECIOUS: data/raw/$(RUN).jsonl data/clean/$(RUN).txt data/tokens/$(RUN)/manifest.json \
  checkpoints/$(RUN)/final/trainer_state.json

## dump: the posts of the export, data/raw/RUN.jsonl
posts := data/raw/$(RUN).jsonl
.PHONY: dump
dump: $(posts)

# Telegram Desktop likes names with blanks: ChatExport_2026-11-23 (1).
export_path := $(call escaped,$(EXPORT))
# A channel is no file; it is asked for when there are no posts of it yet, and by make update.
channel := $(filter @% http://% https://% t.me/%,$(firstword $(EXPORT)))
export_name := $(if $(wildcard $(export_path)/result.json),/result.json,$(if \
  $(wildcard $(export_path)/messages.html),/messages.html))
export_file := $(if $(channel),,$(export_path)$(export_name))
dump_options := $(strip $(call option,--chat,$(CHAT)) $(call option,--timezone,$(TIMEZONE)) \
  $(DUMP_FLAGS))
dump_settings := $(or $(channel),$(export_file)) $(dump_options)
$(eval $(call keep_settings,data/raw/$(RUN).settings,dump_settings))

# An export holds everything, so its posts replace those of an older one; those of a channel only
# where the settings have changed.
dump = $(bin)/tg-dump $(dump_options) $(call quoted,$(EXPORT)) --output $(posts)
$(posts): $(export_file) data/raw/$(RUN).settings | $(bin)/tg-dump
	$(dump) $(if $(channel),$(if $(filter %.settings,$?),--replace),--replace)

## update: fetch what is new in the channel that EXPORT names; then: make train
.PHONY: update
update: data/raw/$(RUN).settings | $(bin)/tg-dump
	$(dump)

ifeq ($(channel),)
$(export_file):
	@echo "pipeline.mk: there is no '$(EXPORT)'; EXPORT names Telegram Desktop's export or a channel" >&2; exit 66
endif

## clean-text: one post a line, data/clean/RUN.txt, and what each rule did, RUN.funnel.json
corpus := data/clean/$(RUN).txt
funnel := data/clean/$(RUN).funnel.json
.PHONY: clean-text
clean-text: $(corpus)

# The original recipe has no choice.
clean_options := --recipe $(RECIPE) $(if $(filter house,$(RECIPE)),--news $(NEWS))
$(eval $(call keep_settings,data/clean/$(RUN).settings,clean_options))

# Not a grouped target: make 4.3 neither misses the second file of a group nor follows one under -n.
$(corpus): $(posts) data/clean/$(RUN).settings $(if $(wildcard $(funnel)),,FORCE) \
  | $(bin)/bugurt-clean
	$(bin)/bugurt-clean $(clean_options) $< --output $(corpus) --funnel $(funnel)

## encode: token shards and their tokenizer, data/tokens/RUN
manifest := data/tokens/$(RUN)/manifest.json
.PHONY: encode
encode: $(manifest)

encode_options := $(strip \
  $(if $(TOKENIZER),$(call option,--tokenizer,$(TOKENIZER)),--vocab-size $(VOCAB_SIZE)) \
  --validation-fraction $(VALIDATION_FRACTION) --pack $(PACK) \
  $(call option,--end-of-text,$(END_OF_TEXT)))
$(eval $(call keep_settings,data/tokens/$(RUN).settings,encode_options))

$(manifest): $(corpus) data/tokens/$(RUN).settings | $(bin)/bpe-encode
	$(bin)/bpe-encode $(encode_options) $< --output $(@D) $(call option,--threads,$(THREADS))

## train: the trained model, checkpoints/RUN/final; goes on after an interruption
model := checkpoints/$(RUN)/final/trainer_state.json
.PHONY: train
train: $(model)

shape_options = --layers $(LAYERS) --width $(WIDTH) --heads $(HEADS) --context $(CONTEXT)
train_options := $(strip \
  $(if $(MODEL),$(call option,--model,$(MODEL)),$(shape_options)) \
  $(call option,--max-steps,$(MAX_STEPS)) --num-train-epochs $(EPOCHS) \
  --warmup-steps $(WARMUP_STEPS) --learning-rate $(LEARNING_RATE) --block-size $(BLOCK_SIZE) \
  --per-device-train-batch-size $(BATCH_SIZE) --seed $(SEED) \
  $(call option,--precision,$(PRECISION)) \
  $(if $(PATIENCE),--load-best-model-at-end --early-stopping-patience $(PATIENCE) \
    --eval-steps $(or $(EVAL_STEPS),$(SAVE_STEPS))) $(TRAIN_FLAGS))
$(eval $(call keep_settings,checkpoints/$(RUN)/settings,train_options))

# What cannot change the result.
train_conveniences := $(strip --logging-steps $(LOGGING_STEPS) --save-steps $(SAVE_STEPS) \
  $(if $(PATIENCE),,$(call option,--eval-steps,$(EVAL_STEPS))) \
  $(call option,--save-total-limit,$(SAVE_TOTAL_LIMIT)) $(call option,--threads,$(THREADS)))

$(model): $(manifest) checkpoints/$(RUN)/settings | $(bin)/gpt-finetune
	$(bin)/gpt-finetune data/tokens/$(RUN) --output checkpoints/$(RUN) \
	  $(train_options) $(train_conveniences) --resume --restart > /dev/null

# A trained model is sampled as it is, whatever the variables say now: to look at a run must never
# train it anew.
missing_model := $(if $(wildcard $(model)),,$(model))

## sample: write bugurts, data/samples/RUN.txt, and print ten: make sample PROMPT='кот'
.PHONY: sample
sample: $(missing_model) | $(bin)/gpt-sample
	@$(bin)/gpt-sample checkpoints/$(RUN)/final --count $(COUNT) --temperature $(TEMPERATURE) \
	  $(call option,--prompt,$(PROMPT)) $(call option,--threads,$(THREADS)) \
	  --output data/samples/$(RUN).txt --show $(SHOW) $(SAMPLE_FLAGS)

# ---- Work on the project itself

## test: run the tests
.PHONY: test
test: $(binaries)
	swift test $(swift_flags) --disable-testable-imports

# Processors without the vectors of this one must have their kernels too.
older_processors := $(if $(filter x86_64,$(shell uname -m)),x86-64 haswell skylake-avx512)

## lint: check the format of the sources, and that kernels compile for older processors
.PHONY: lint
lint:
	swift format lint --strict --recursive --parallel Sources Tests Package.swift
	mkdir -p $(build)
	set -e; for processor in $(older_processors); do for kernels in Sources/CKernels/*.c; do \
	  clang -O2 -Wall -Werror -march=$$processor -ISources/CKernels/include -c $$kernels \
	    -o $(build)/kernels.o; done; done

## interop: compare with transformers and tokenizers (installs them into .build/interop)
.PHONY: interop
interop: $(missing_model) $(posts) $(build)/interop/installed | $(bin)/gpt-sample \
  $(bin)/bpe-encode $(bin)/gpt-finetune $(bin)/bugurt-clean
	$(build)/interop/bin/python Tests/Interop/original_recipe_interop.py \
	  $(bin)/bugurt-clean $(posts) $(build)/interop/original-recipe
	HF_HUB_OFFLINE=1 $(build)/interop/bin/python Tests/Interop/model_interop.py \
	  --gpt-sample $(bin)/gpt-sample --model checkpoints/$(RUN)/final
	HF_HUB_OFFLINE=1 $(build)/interop/bin/python Tests/Interop/choice_interop.py \
	  --gpt-sample $(bin)/gpt-sample --model checkpoints/$(RUN)/final
	HF_HUB_OFFLINE=1 $(build)/interop/bin/python Tests/Interop/texts_interop.py \
	  --gpt-sample $(bin)/gpt-sample --model checkpoints/$(RUN)/final --corpus $(corpus)
	HF_HUB_OFFLINE=1 $(build)/interop/bin/python Tests/Interop/weights_interop.py \
	  --gpt-sample $(bin)/gpt-sample
	HF_HUB_OFFLINE=1 $(build)/interop/bin/python Tests/Interop/config_interop.py \
	  --gpt-sample $(bin)/gpt-sample
	HF_HUB_OFFLINE=1 $(build)/interop/bin/python Tests/Interop/tokenizer_interop.py \
	  $(bin)/bpe-encode $(corpus) $(build)/interop/tokenizer
	HF_HUB_OFFLINE=1 $(build)/interop/bin/python Tests/Interop/bpe_training_interop.py \
	  $(bin)/bpe-encode $(corpus) $(build)/interop/bpe-training
	HF_HUB_OFFLINE=1 $(build)/interop/bin/python Tests/Interop/tokenizer_reference.py \
	  $(build)/interop/tokenizers --bpe-encode $(bin)/bpe-encode
	TOKENIZER_REFERENCE=$(CURDIR)/$(build)/interop/tokenizers \
	  swift test $(swift_flags) --disable-testable-imports \
	  --filter BytePairEncodingTests.TokenizerReferenceTests
	$(build)/interop/bin/python Tests/Interop/invalid_utf8_interop.py \
	  $(bin)/bpe-encode $(corpus) $(build)/interop/invalid-utf8
	$(build)/interop/bin/python Tests/Interop/near_duplicates_interop.py \
	  $(bin)/bugurt-clean $(posts) $(build)/interop/near-duplicates
	HF_HUB_OFFLINE=1 $(build)/interop/bin/python Tests/Interop/engine_reference.py \
	  $(build)/interop/engine --seed 2
	ENGINE_REFERENCE=$(CURDIR)/$(build)/interop/engine \
	  swift test $(swift_flags) --disable-testable-imports --filter GPT2Tests.ReferenceTests
	OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1 $(build)/interop/bin/python \
	  Tests/Interop/trainer_reference.py --bpe-encode $(bin)/bpe-encode \
	  --gpt-finetune $(bin)/gpt-finetune --scratch $(build)/interop/trainer
	TDJSON_LIBRARY=$$(echo $(CURDIR)/$(build)/interop/lib/python3*/site-packages/tdjson.libs/libtdjson*) \
	  swift test $(swift_flags) --disable-testable-imports \
	  --filter TelegramSourcesTests.TDLibInteropTests

$(build)/interop/installed: Tests/Interop/requirements.txt
	python3 -m venv $(@D)
	$(@D)/bin/pip install --quiet --requirement $<
	@touch $@

## bench-train: time training against transformers, about 15 minutes on two cores
.PHONY: bench-train
bench-train: $(build)/interop/installed | $(bin)/gpt-finetune
	HF_HUB_OFFLINE=1 $(build)/interop/bin/python Tests/Benchmarks/training_benchmark.py \
	  --gpt-finetune $(bin)/gpt-finetune --work $(build)/benchmark $(BENCH_FLAGS)

## bench-precision: train in fp32 and bf16 and draw the losses to docs/precision.svg, half an hour
.PHONY: bench-precision
bench-precision: $(corpus) $(build)/bench-precision/installed | $(bin)/bpe-encode $(bin)/gpt-finetune
	$(build)/bench-precision/venv/bin/python Tests/Benchmarks/precision_curves.py \
	  --bpe-encode $(bin)/bpe-encode --gpt-finetune $(bin)/gpt-finetune --fixture $(corpus) \
	  --work $(build)/bench-precision --picture docs/precision.svg $(BENCH_FLAGS)

$(build)/bench-precision/installed:
	python3 -m venv $(@D)/venv
	$(@D)/venv/bin/pip install --quiet matplotlib==3.10.7
	@touch $@

## bench-encode: time encoding against tiktoken and tokenizers
.PHONY: bench-encode
bench-encode: $(corpus) $(build)/interop/installed | $(bin)/bpe-encode
	$(build)/interop/bin/python Tests/Benchmarks/encoding_benchmark.py \
	  --bpe-encode $(bin)/bpe-encode --work $(build)/benchmark-encode --fixture $(corpus) \
	  $(BENCH_FLAGS)

## bench-clean: time cleaning, and near duplicates against datasketch
.PHONY: bench-clean
bench-clean: $(corpus) $(build)/interop/installed | $(bin)/bugurt-clean
	$(build)/interop/bin/python Tests/Benchmarks/clean_benchmark.py \
	  --bugurt-clean $(bin)/bugurt-clean --work $(build)/benchmark-clean --fixture $(corpus) \
	  $(BENCH_FLAGS)

## bench-dump: time reading an export of 1 GB against Python's json and jq
.PHONY: bench-dump
bench-dump: | $(bin)/tg-dump
	python3 Tests/Benchmarks/dump_benchmark.py --tg-dump $(bin)/tg-dump \
	  --work $(build)/benchmark-dump --fixture data/fixture/result.json $(BENCH_FLAGS)

# llama.cpp is compiled, for this processor; with nice, for it takes long.
$(build)/bench-sample/installed: Tests/Benchmarks/sampling_requirements.txt
	python3 -m venv $(@D)/venv
	CMAKE_ARGS='-DGGML_NATIVE=ON -DLLAVA_BUILD=OFF' nice $(@D)/venv/bin/pip install --quiet \
	  --requirement $<
	@touch $@

## bench-sample: time sampling against transformers and llama.cpp, which it compiles at first
.PHONY: bench-sample
bench-sample: $(build)/bench-sample/installed | $(bin)/gpt-sample
	HF_HUB_OFFLINE=1 $(build)/bench-sample/venv/bin/python \
	  Tests/Benchmarks/sampling_benchmark.py --gpt-sample $(bin)/gpt-sample \
	  --work $(build)/bench-sample $(BENCH_FLAGS)

## fuzz: give the parsers inputs that libFuzzer makes, under the address sanitizer
fuzz := $(build)/fuzz/release/Fuzz
.PHONY: fuzz
fuzz: $(build)/installed
	swift build --package-path Tests/Fuzz --scratch-path $(build)/fuzz --configuration release \
	  --sanitize fuzzer -Xswiftc -sanitize=fuzzer,address
	export SWIFT_BACKTRACE=enable=no; \
	for parser in $(or $(FUZZ_PARSER),$$($(fuzz) names)); do \
	  $(fuzz) $$parser -runs=$(FUZZ_RUNS) -verbosity=0 $(FUZZ_FLAGS) 2>&1 | grep -v '# Uses: '; \
	done

## distclean: remove the build and all output under data and checkpoints
.PHONY: distclean
distclean:
	rm -rf $(build) data/raw data/clean data/tokens data/samples
	find checkpoints -mindepth 1 -maxdepth 1 -not -name README.md -exec rm -rf {} +

## help: this list
.PHONY: help
help:
	@echo "make TARGET [VARIABLE=value …]"
	@awk '/^## / { sub(/^## /, ""); split($$0, a, ": "); printf "  %-12s %s\n", a[1], substr($$0, length(a[1]) + 3) }' pipeline.mk
	@awk '/^#! / { printf "\n%s\n", substr($$0, 4) } \
	  /^#\? / { text = substr($$0, 4); next } \
	  text != "" { split($$0, a, " [?]= ?"); sub(/ [?]=$$/, "", a[1]); \
	    printf "  %-20s %-26s %s\n", a[1], a[2], text; text = "" }' pipeline.mk

# The dependency graph of the pipeline: make help
#
# A stage is one rule. Its target is a stamp, such as data/raw/RUN.settings, which is written when
# the stage succeeds and holds the settings it ran with. A stage runs if its stamp or an output
# is missing, if a setting differs from the stamp, or if an input is newer than the stamp. The
# programs leave an output untouched if its content would stay the same, so that nothing after it
# runs. What is after the bar of a rule must exist but may be newer: a rebuilt program alone does
# not run a stage again; make -B does.

pipeline := $(lastword $(MAKEFILE_LIST))
# Where make install has put it, this file is in share/bugurt-gpt, the programs are in bin, and there is
# nothing to build. Otherwise empty.
installed := $(if $(wildcard $(dir $(pipeline))Package.swift),,$(abspath $(dir $(pipeline))../..))

MAKEFLAGS += --no-builtin-rules --warn-undefined-variables
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.SUFFIXES:
.DEFAULT_GOAL := help

# ---- Bash for the recipes

# Values reach the programs through the environment and the functions in this file, never as recipe text.
functions := $(if $(installed),$(dir $(pipeline)),$(CURDIR)/Sources/Programs/)pipeline.bash
# Bash expands the name.
export BASH_ENV := $(subst `,\`,$(subst $$,\$$,$(subst \,\\,$(functions))))
empty :=
comma := ,
define newline


endef
# A value quoted for bash; $(shell) drops line breaks that are not written as \n.
quoted = $$'$(subst $(newline),\n,$(subst ',\',$(subst \,\\,$(1))))'
# $(call bash,FUNCTION,ARGUMENTS): the output of a function.
bash = $(shell source $(call quoted,$(functions)); $(1) $(2))

# ---- The variables

# The variables declared below, and all that a user may set.
declared = $(shell sed -n 's/^\([A-Z_]*\) ?=.*/\1/p' $(1) | sort -u)
pipeline_variables := $(call declared,$(pipeline))
known := $(pipeline_variables) $(call declared,/dev/null $(wildcard Tests/checks.mk .package/install.mk))
# $(call of_origin,ORIGINS,VARIABLES): those that come from the command line, the environment, ….
of_origin = $(foreach name,$(2),$(if $(filter $(1),$(firstword $(origin $(name)))),$(name)))

misspelt := $(firstword $(filter-out $(known) MAKE% .% -% SHELL,$(call \
  of_origin,command,$(.VARIABLES))))
ifneq ($(misspelt),)
$(error '$(misspelt)' is not a variable of the pipeline$(call bash,did_you_mean,$(call \
  quoted,$(misspelt)) $(known)) (make help lists them))
endif

# Values are taken as they are typed: a dollar sign is a dollar sign.
given := $(call of_origin,command environment,$(known))
$(foreach name,$(given),$(eval override $(name) := $$(value $(name))))

#! the run and its source
#? the name of the run, and of its files under data and checkpoints
RUN ?= fixture

# The run is part of names in this file and on disk.
ifneq ($(filter RUN,$(given)),)
run_problem := $(call bash,problem_of_run,$(call quoted,$(RUN)))
ifneq ($(run_problem),)
$(error RUN=$(subst $(newline), ,$(RUN)) cannot name a run: $(run_problem); use letters, digits and . _ + @ -)
endif
endif

# The variables that a run was last made with (make show) are the defaults of the next call. Those of
# a training that was stopped are in a file of their own, and count if it has saved something.
variables := checkpoints/$(RUN).variables
waiting := $(if $(wildcard $(variables).started),$(if $(call \
  bash,has_saved,checkpoints/$(RUN) $(variables).started),.started))
$(eval $(file < $(variables)$(waiting)))
remembered := $(patsubst remembered.%,%,$(filter remembered.%,$(.VARIABLES)))
# A budget that is given takes the place of a remembered one of the other kind.
other_budget := $(if $(and $(filter UNTIL,$(given)),$(UNTIL)),MAX_HOURS)$(if $(and $(filter \
  MAX_HOURS,$(given)),$(MAX_HOURS)),UNTIL)
$(foreach name,$(filter-out $(given),$(remembered)),$(eval $(name) := $(if $(filter \
  $(name),$(other_budget)),,$$(remembered.$(name)))))

#? a Telegram Desktop export (result.json, messages.html or the folder) or a channel (@name or https://t.me/name); the run fixture uses the bundled corpus
EXPORT ?= $(if $(filter fixture,$(RUN)),$(if $(installed),$(dir $(pipeline)))data/fixture/result.json)

#? instead of EXPORT: other runs, such as 'one two'; this run is trained on their cleaned texts, joined
FROM ?=

#! make dump
#? the chat, by name or id, in the export of a whole account
CHAT ?=
#? time zone of the dates in exports from before June 2022, such as +03:00
TIMEZONE ?=
#? more arguments for tg-dump, such as --live --config config.ini, or --poll-text
DUMP_FLAGS ?=

#! make clean-text
#? house, or original for the recipe of 2021: cleaning, byte for byte, and the numbers of the training
RECIPE ?= house
#? what to do with posts under #БТnews: post (drop it), line (drop the line) or keep
NEWS ?= post
#? more arguments for bugurt-clean, such as --rule length.minimum=20 or --rules my.ini
CLEAN_FLAGS ?=

#! make encode
#? folder, GGUF file or name of a tokenizer; empty: that of MODEL, or else a vocabulary is learned from the posts
TOKENIZER ?= $(MODEL)
#? size of a learned vocabulary, in tokens
VOCAB_SIZE ?= 4096
#? fraction of the posts to hold back for validation
VALIDATION_FRACTION ?= 0.05
#? posts, or continuous for the single stream of the original recipe
PACK ?= posts
#? the token that ends a post; empty: the tokenizer's
END_OF_TEXT ?=

#! make train
#? hours that the whole training may take, in place of MAX_STEPS and EPOCHS; empty: no limit
MAX_HOURS ?=
#? time by which the training must be finished, such as 07:30 or 2026-12-01T07:30, in place of MAX_STEPS and EPOCHS; empty: no limit
UNTIL ?=
#? model to fine-tune: its folder or GGUF file, or its name on the Hugging Face Hub; empty: a small model from random weights
MODEL ?=
ifeq ($(MODEL),)
#? transformer blocks of a new model
LAYERS ?= 4
#? embedding size of a new model
WIDTH ?= 256
#? attention heads of a new model
HEADS ?= 4
#? longest context of a new model
CONTEXT ?= 256
#? optimizer steps; empty: those of EPOCHS (the default with MODEL), or as many as there is time for
MAX_STEPS ?= $(if $(MAX_HOURS)$(UNTIL),,300)
#? highest learning rate (with MODEL: 5e-5; with ADAPTER: that of the adapter, 2e-4)
LEARNING_RATE ?= 1e-3
#? how many checkpoints to keep; empty: all (the default with MODEL)
SAVE_TOTAL_LIMIT ?= 2
else
MAX_STEPS ?=
LEARNING_RATE ?= $(if $(ADAPTER),,5e-5)
SAVE_TOTAL_LIMIT ?=
endif
#? lora: train an adapter of MODEL, in less time and memory; empty: train all weights
ADAPTER ?=
#? rank of the adapter; empty: 16
LORA_R ?=
#? how the weights of MODEL are kept beside the adapter: fp32, bf16, int8, int4; empty: as PRECISION
BASE_WEIGHTS ?=
#? passes over the training data; empty: 10, or as many as there is time for
EPOCHS ?= $(if $(MAX_HOURS)$(UNTIL),,10)
#? tokens in a training example
BLOCK_SIZE ?= 128
#? examples in a batch
BATCH_SIZE ?= 8
#? seed for new weights, the order of examples, and dropout
SEED ?= 42
#? arithmetic of matrix products: fp32, bf16 (twice as fast on processors that have it) or auto; empty: fp32 with MODEL, otherwise auto
PRECISION ?=
#? steps over which the learning rate rises; empty: 500, but at most 6 % of the run
WARMUP_STEPS ?=
#? steps between two log lines; empty: for 100 lines
LOGGING_STEPS ?=
#? steps between two checkpoints besides those every 30 minutes; empty: 7000
SAVE_STEPS ?=
#? steps between two validations; empty: for 20 validations
EVAL_STEPS ?=
#? stop after this many validations without a lower loss, and keep the best model; empty: never
PATIENCE ?=
#? more arguments for gpt-finetune, such as --weight-decay 0.01 --lr-scheduler-type cosine
TRAIN_FLAGS ?=
#? threads; empty: one for each physical core
THREADS ?=
#? batches of a step, shared by all processes; empty: 1, or with RANKS or HOSTS one for each process
ACCUMULATION ?=
#? processes that share the training: on this machine, or on those of HOSTS (docs/machines.md)
RANKS ?=
#? hostfile of mpirun with the machines that share the training, one a line
HOSTS ?=
# A run can be resumed by more or fewer processes if a step keeps its batches, so they are remembered.
processes := $(or $(RANKS),$(if $(HOSTS),$(call bash,count_hosts,$(call quoted,$(HOSTS)))),1)
ifneq ($(RANKS)$(HOSTS),)
ifeq ($(ACCUMULATION),)
ACCUMULATION := $(processes)
given += ACCUMULATION
endif
endif

#! make sample
#? how the bugurts begin; empty: each with the first word of a post of the corpus
PROMPT ?=
#? bugurts to write
COUNT ?= 64
#? bugurts to print
SHOW ?= 10
#? lower values keep to likely words, higher ones are more daring
TEMPERATURE ?= 0.8
#? more arguments for gpt-sample, such as --top-p 0.9 --seed 7 --filter --weights int8
SAMPLE_FLAGS ?=

#! make compare
#? the runs to compare, such as 'one two'
RUNS ?=

#! make gguf
#? what the weights are rounded to: f32, f16, bf16, q8_0, q6_k, q4_k_m or q4_0, from exact to small
WEIGHTS ?= q8_0

#! make distclean
#? yes: remove models without asking
CONFIRM ?=

# ---- The programs

# $(call differ,A,B): not empty if A and B differ.
differ = $(subst x$(strip $(1))x,,x$(strip $(2))x)

# The programs run on processors from Haswell (2013) on. What gains from later ones, the kernels, is
# compiled for several and chosen when a program starts (Sources/Model/CKernels/Variants). The whole build
# has the same flags: two targets compiled for different processors would share specialisations of
# generics, and the linker would keep either one. The last flag refuses imports that Package.swift does
# not declare.
swift_flags := --configuration release \
  $(if $(filter x86_64,$(shell uname -m)),-Xcc -march=x86-64-v3) --explicit-target-dependency-import-check error
build := .build
bin := $(if $(installed),$(installed)/bin,$(build)/release)
programs := tg-dump bugurt-clean bpe-encode gpt-finetune gpt-sample
binaries := $(programs:%=$(bin)/%)
ifeq ($(installed),)
# Folders are included because they change when a file is removed.
sources := $(shell find Sources -not -name '.*' -not -name '*.bash') Package.swift

# What the programs need from the system (Debian's names).
packages := libopenblas-dev liblapacke-dev zlib1g-dev libdeflate-dev libxml2-dev \
  libpcre2-dev libcurl4-openssl-dev libssl-dev libedit-dev pkg-config

# The commit that is checked out, with a + if the sources differ from it; empty without git.
commit = $(if $(wildcard .git),$(shell git rev-parse --short=12 HEAD 2> /dev/null)$(shell \
  git diff --quiet HEAD -- Sources Package.swift 2> /dev/null || echo +))
note_commit = printf '\#define BUILD_COMMIT "%s"\n' "$(commit)" > $(build)/commit.h

# SwiftPM's module cache does not survive a move. A failed build leaves the earlier programs.
.PRECIOUS: $(binaries)
$(binaries) &: $(sources) | $(build)/installed
	@if [ "$$(cat $(build)/checkout 2> /dev/null)" != "$$PWD" ]; then \
	  rm -rf $(build)/*/release/ModuleCache $(build)/*/installed; \
	  printf '%s\n' "$$PWD" > $(build)/checkout; \
	fi
	@$(note_commit)
	swift build $(swift_flags)
	@touch $(binaries)

# Installs what is missing, or prints the command to run if it lacks permission.
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
endif

.PHONY: FORCE
FORCE:

## programs: build the five programs
.PHONY: programs
programs: $(binaries)

# ---- Stages and their stamps

raw := data/raw/$(RUN)
clean := data/clean/$(RUN)
tokens := data/tokens/$(RUN)
run_folder := checkpoints/$(RUN)
gguf_folder := data/gguf/$(RUN)
posts := $(raw).jsonl
corpus := $(clean).txt
funnel := $(clean).funnel.json
manifest := $(tokens)/manifest.json
model := $(run_folder)/final/trainer_state.json
dumped := $(raw).settings
cleaned := $(clean).settings
encoded := $(tokens).settings
trained := $(run_folder).settings

# A stamp describes the existing outputs, so it stays when a later attempt fails.
.PRECIOUS: $(dumped) $(cleaned) $(encoded) $(trained)

# The variables that can change the result of a stage. The number of threads and how often
# something is saved cannot.
clean_variables := $(if $(FROM),FROM,RECIPE NEWS) CLEAN_FLAGS
encode_variables := TOKENIZER VOCAB_SIZE VALIDATION_FRACTION PACK END_OF_TEXT
train_variables := RECIPE MODEL LAYERS WIDTH HEADS CONTEXT MAX_STEPS EPOCHS WARMUP_STEPS LEARNING_RATE \
  BLOCK_SIZE BATCH_SIZE SEED PRECISION PATIENCE ADAPTER LORA_R BASE_WEIGHTS MAX_HOURS UNTIL TRAIN_FLAGS
settings = $(foreach name,$(1),$(if $(filter-out undefined,$(origin \
  $(name))),$(name)=$($(name))$(newline)))
clean_settings = $(call settings,$(clean_variables))
encode_settings = $(call settings,$(encode_variables))
train_settings = $(call settings,$(train_variables) $(if $(ACCUMULATION),ACCUMULATION) $(if $(PATIENCE)$(filter-out \
  original,$(RECIPE)),EVAL_STEPS))

# make -B runs all stages.
letters := $(filter-out -%,$(firstword $(MAKEFLAGS)))
always := $(findstring B,$(letters))
ifneq ($(findstring t,$(letters)),)
$(error make -t would mark stages as done that never ran)
endif
# $(call stale,STAMP,SETTINGS,OUTPUTS): FORCE if the stage must run regardless of its inputs.
stale = $(if $(always)$(call differ,$(file < $(1)),$(2))$(filter-out $(wildcard $(3)),$(3)),FORCE)
# $(call unless_same,INPUT): begins the command of a stage; skips it if the stage is up to date.
unless_same = [ -z "$(filter FORCE,$^)" ] && [ -e $@ ] && [ ! $(1) -nt $@ ] ||
# $(call done,SETTINGS): ends the recipe of a stage. The last stage remembers the run's variables, and
# before its stamp, because with the stamp it is not run again if make ends in between.
define done
@mkdir -p $(@D) checkpoints; \
$(if $(filter $@,$(last)),$(call remember,$(variables)); rm -f $(variables).started;) \
printf '%s' "$$$(1)" > $@.partial; mv $@.partial $@
endef
remember = printf '%s' "$$run_variables" > $(1).partial; mv $(1).partial $(1)
run_variables = $(foreach name,$(filter $(kept_variables),$(sort $(given) $(remembered))),define \
  remembered.$(name) :=$(newline)$$(empty)$(subst $(newline),$$(newline),$(subst \
  $$,$$$$,$($(name))))$$(empty)$(newline)endef$(newline))
kept_variables := EXPORT FROM CHAT TIMEZONE DUMP_FLAGS NEWS $(clean_variables) $(encode_variables) \
  $(train_variables) ACCUMULATION LOGGING_STEPS SAVE_STEPS SAVE_TOTAL_LIMIT EVAL_STEPS
last := $(lastword $(foreach goal,dump/$(dumped) update/$(dumped) clean-text/$(cleaned) \
  encode/$(encoded) train/$(trained) sample/$(trained),$(if $(filter $(firstword $(subst /, ,$(goal))),\
  $(MAKECMDGOALS)),$(patsubst $(firstword $(subst /, ,$(goal)))/%,%,$(goal)))))

# A misspelt name of a tokenizer is noticed before the dump, which may take hours. What is fetched of it
# is needed later.
named_tokenizer := $(and $(filter-out dump update clean-text,$(MAKECMDGOALS)),$(TOKENIZER))
check_tokenizer = $(if $(named_tokenizer),@as_path TOKENIZER; \
  $(bin)/bpe-encode --inspect '' --tokenizer="$$TOKENIZER" > /dev/null)

# A run with FROM has no posts of its own: in place of its dump, those runs are brought up to date, each
# by a make of its own with the variables that it remembers.
source_texts :=
ifneq ($(FROM),)
override FROM := $(strip $(FROM))
own_posts := $(foreach name,EXPORT $(filter CHAT TIMEZONE DUMP_FLAGS NEWS,$(given)),$(if $($(name)),$(name)))
from_problem = $(if $(own_posts),RUN=$(RUN) has both FROM='$(FROM)' and $(firstword $(own_posts))$(comma) \
  which is for posts of its own; set one of them to nothing$(comma) or choose another RUN,$(call bash,problem_of_sources,$(call \
  quoted,$(FROM)) $(RUN)))
ifneq ($(and $(filter dump update clean-text encode train,$(MAKECMDGOALS)),$(from_problem)),)
$(error $(from_problem))
endif
source_texts := $(FROM:%=data/clean/%.txt)
source_goals := $(filter dump update,$(MAKECMDGOALS)) $(if $(filter-out dump update,$(MAKECMDGOALS)),clean-text)

# The file is only made again if its run is not up to date.
$(source_texts): data/clean/%.txt: FORCE | $(bin)/tg-dump $(bin)/bugurt-clean \
  $(if $(named_tokenizer),$(bin)/bpe-encode)
	$(check_tokenizer)
	+@env $(known:%=-u %) $(MAKE) --silent --no-print-directory RUN=$* \
	  THREADS=$(call quoted,$(THREADS)) $(source_goals)

# Variables of the command line are those of this run.
MAKEOVERRIDES :=
endif

## dump: the posts of the export, data/raw/RUN.jsonl
.PHONY: dump
dump: $(or $(source_texts),$(dumped))

## update: fetch new posts from the channel that EXPORT names; to train on them, too: make update train
.PHONY: update
update: $(or $(source_texts),$(dumped))

ifneq ($(filter-out help% programs show runs prune remove test% lint fuzz distclean,$(MAKECMDGOALS)),)
source_facts := $(call bash,dump_facts,$(call quoted,$(EXPORT)) $(call quoted,$(DUMP_FLAGS)) $(dumped))
else
source_facts := missing -
endif
dump_settings := EXPORT=$(wordlist 3,$(words $(source_facts)),$(source_facts))$(newline)$(call \
  settings,CHAT TIMEZONE)
source_kind := $(firstword $(source_facts))
is_update := $(filter update,$(MAKECMDGOALS))
dump_stamp := $(file < $(if $(wildcard $(raw).kept.settings),$(if $(call bash,same_posts,$(raw) \
  && echo same),$(raw).kept.settings,$(dumped)),$(dumped)))
dump_differs := $(call differ,$(dump_stamp),$(dump_settings))
dump_needed := $(if $(dump_differs)$(filter-out $(wildcard $(posts)),$(posts)),FORCE)
# An export may be removed once its posts have been dumped.
ifeq ($(source_kind),missing)
dump_needed := $(if $(dump_needed),missing-export)
else
dump_needed := $(if $(dump_needed)$(always)$(is_update)$(filter newer,$(word 2,$(source_facts))),FORCE)
endif

# An export is complete, so its posts replace those of an older one. Posts may have been deleted from
# a channel, so they are replaced only if the settings have changed. What is replaced is kept, and is
# merged back when its settings return.
replaces := $(and $(wildcard $(posts)),$(or $(if $(is_update),,$(filter export,$(source_kind))),$(if \
  $(filter EXPORT=%,$(firstword $(dump_stamp))),$(dump_differs))))
earlier := $(raw).previous
earlier_posts := $(if $(and $(replaces),$(filter channel,$(source_kind))),$(if $(call \
  differ,$(file < $(earlier).settings),$(dump_settings)),,$(wildcard $(earlier).jsonl)))

$(dumped): $(dump_needed) | $(bin)/tg-dump $(if $(named_tokenizer),$(bin)/bpe-encode)
	$(check_tokenizer)
	@mkdir -p $(@D); settle_posts $(raw) $(bin)/tg-dump
	@as_words flags "$$DUMP_FLAGS"; $(if $(filter channel,$(source_kind)),,as_path EXPORT;) \
	if [ -e $(posts) ] && [ -n "$(replaces)" ]; then \
	  ln -L $(posts) $(raw).kept.jsonl 2> /dev/null || cp -pL $(posts) $(raw).kept.jsonl; \
	  [ ! -e $@ ] || { cp -p $@ $(raw).kept.settings.partial; \
	    mv $(raw).kept.settings.partial $(raw).kept.settings; }; \
	  echo 'EXPORT=? (being replaced)' > $@.partial; mv $@.partial $@; \
	  trap 'same_posts $(raw) && { mv $(raw).kept.settings $@ 2> /dev/null || rm -f $@; } && \
	    rm -f $(raw).kept.jsonl' EXIT; \
	fi; \
	run $(bin)/tg-dump $(if $(replaces),--replace) $${CHAT:+--chat="$$CHAT"} \
	  $${TIMEZONE:+--timezone="$$TIMEZONE"} "$${flags[@]}" --output $(posts) -- \
	  $(earlier_posts) "$$EXPORT"; \
	trap - EXIT; settle_posts $(raw) $(bin)/tg-dump
	$(call done,dump_settings)

.PHONY: missing-export
missing-export:
	@$(if $(EXPORT),echo "pipeline.mk: there is no '$$EXPORT'; EXPORT names Telegram Desktop's \
	export or a channel" >&2; exit 66,echo "pipeline.mk: $(RUN) is a new run; say where its posts \
	come from, such as EXPORT=@channel$(runs_text)" >&2; exit 64)

## clean-text: cleaned text, data/clean/RUN.txt, and what each rule did, RUN.funnel.json
.PHONY: clean-text
clean-text: $(cleaned)

# The original recipe has no setting for news.
$(cleaned): $(or $(source_texts),$(dumped) $(wildcard $(posts))) $(if $(CLEAN_FLAGS),$(if $(call \
  bash,newer_rules,$(call quoted,$(CLEAN_FLAGS)) $(cleaned)),FORCE)) \
  $(call stale,$(cleaned),$(clean_settings),$(corpus) $(funnel)) | $(bin)/bugurt-clean
	@as_words flags "$$CLEAN_FLAGS"; $(if $(source_texts),,$(call unless_same,$(posts))) \
	  run $(bin)/bugurt-clean $(if $(source_texts),--recipe=join $(source_texts),--recipe="$$RECIPE" \
	  $(if $(filter house,$(RECIPE)),--news="$$NEWS") $(posts)) \
	  --output $(corpus) --funnel $(funnel) "$${flags[@]}"
	$(call done,clean_settings)

## encode: token shards and their tokenizer, data/tokens/RUN
.PHONY: encode
encode: $(encoded)

$(encoded): $(cleaned) $(wildcard $(corpus)) \
  $(call stale,$(encoded),$(encode_settings),$(manifest)) | $(bin)/bpe-encode
	@as_path TOKENIZER; $(call unless_same,$(corpus)) run $(bin)/bpe-encode \
	  $(if $(TOKENIZER),--tokenizer="$$TOKENIZER",--vocab-size="$$VOCAB_SIZE") \
	  --validation-fraction="$$VALIDATION_FRACTION" --pack="$$PACK" \
	  $${END_OF_TEXT:+--end-of-text="$$END_OF_TEXT"} $(corpus) --output $(tokens) \
	  $${THREADS:+--threads="$$THREADS"}
	$(call done,encode_settings)

# Trains the run, or with more arguments does something else with the same settings.
define finetune
$(bin)/gpt-finetune $(tokens) --output $(run_folder) \
  $(if $(MODEL),--model="$$MODEL",--layers="$$LAYERS" --width="$$WIDTH" --heads="$$HEADS" \
  --context="$$CONTEXT") --recipe="$$RECIPE" $${MAX_STEPS:+--max-steps="$$MAX_STEPS"} \
  $${EPOCHS:+--num-train-epochs="$$EPOCHS"} $${MAX_HOURS:+--max-hours="$$MAX_HOURS"} \
  $${UNTIL:+--until="$$UNTIL"} $${WARMUP_STEPS:+--warmup-steps="$$WARMUP_STEPS"} \
  $${ADAPTER:+--adapter="$$ADAPTER"} $${LORA_R:+--lora-r="$$LORA_R"} \
  $${BASE_WEIGHTS:+--base-weights="$$BASE_WEIGHTS"} \
  $${LEARNING_RATE:+--learning-rate="$$LEARNING_RATE"} --block-size="$$BLOCK_SIZE" \
  --per-device-train-batch-size="$$BATCH_SIZE" --seed="$$SEED" \
  $${batches:+--gradient-accumulation-steps="$$batches"} \
  $${PRECISION:+--precision="$$PRECISION"} \
  $${PATIENCE:+--load-best-model-at-end --early-stopping-patience="$$PATIENCE"} \
  $${EVAL_STEPS:+--eval-steps="$$EVAL_STEPS"} \
  $${LOGGING_STEPS:+--logging-steps="$$LOGGING_STEPS"} \
  $${SAVE_STEPS:+--save-steps="$$SAVE_STEPS"} $${SAVE_TOTAL_LIMIT:+--save-total-limit="$$SAVE_TOTAL_LIMIT"} \
  $${THREADS:+--threads="$$THREADS"} "$${flags[@]}"
endef

## train: the trained model, checkpoints/RUN/final; resumes after an interruption
.PHONY: train
train: $(trained)

# gpt-finetune compares what is requested with what was done, and leaves, resumes or replaces the run.
$(trained): $(encoded) $(wildcard $(manifest)) \
  $(call stale,$(trained),$(train_settings),$(model)) | $(bin)/gpt-finetune
	@as_path MODEL; as_words flags "$$TRAIN_FLAGS"; $(call unless_same,$(manifest)) { \
	case $$(realpath -m "$${MODEL:-/}")/ in "$$(realpath -m $(run_folder))"/* | \
	  "$$(realpath -m $(run_folder))".previous/*) \
	  echo "pipeline.mk: MODEL=$$MODEL is in the run that would replace it; give RUN another name" >&2; \
	  exit 64;; esac; \
	mkdir -p checkpoints; $(call remember,$(variables).started); \
	trap '[ -n "$$(has_saved $(run_folder) $(variables).started)" ] || rm $(variables).started' EXIT; \
	batches=$${ACCUMULATION:+$$(batches_of_process "$$ACCUMULATION" "$(processes)")}; \
	$(if $(filter-out 1,$(processes))$(HOSTS),launch "$(processes)" "$$HOSTS",run) $(finetune) \
	  $(if $(always),,--resume) --restart; }
	$(call done,train_settings)

## estimate: the time, memory and disk space that make train would take, measured with a few steps
.PHONY: estimate
estimate: $(encoded) | $(bin)/gpt-finetune
	@as_path MODEL; as_words flags "$$TRAIN_FLAGS"; \
	batches=$${ACCUMULATION:+$$(batches_of_process "$$ACCUMULATION" "$(processes)")}; \
	run $(finetune) --estimate

# A trained model is sampled as it is, whatever the variables say now: looking at a run must never
# train it. Only the run of the bundled corpus is trained first, because a first try needs it.
runs := $(sort $(foreach folder,$(wildcard checkpoints/*/final checkpoints/*/checkpoint-*),$(filter-out \
  %.previous,$(word 2,$(subst /, ,$(folder))))))
runs_text = $(if $(runs),; the runs so far: $(runs)$(call bash,did_you_mean,$(call \
  quoted,$(RUN)) $(filter-out $(RUN),$(runs))))
earlier_model = $$(realpath -m $(run_folder)).previous/final
missing_model := $(if $(wildcard $(model)),,$(if $(shell [ ! -e "$(earlier_model)" ] || echo \
  x),,$(if $(filter RUN,$(given)),missing-run,$(trained))))

# Sets model to the folder of the run's model.
define sampled_model
model=$(run_folder)/final; \
if [ ! -e $$model ]; then model=$(earlier_model); \
  echo "pipeline.mk: $(RUN) is not finished; this is the earlier model, $$model" >&2; fi
endef

## sample: write bugurts to data/samples/RUN.txt and print ten: make sample PROMPT='кот'
.PHONY: sample
sample: $(missing_model) | $(bin)/gpt-sample
	@as_typed PROMPT; as_words flags "$$SAMPLE_FLAGS"; $(sampled_model); \
	$(bin)/gpt-sample "$$model" --count="$$COUNT" --temperature="$$TEMPERATURE" \
	  $${PROMPT:+--prompt="$$PROMPT"} $${THREADS:+--threads="$$THREADS"} \
	  --output data/samples/$(RUN).txt --show="$$SHOW" "$${flags[@]}"

## gguf: the model for llama.cpp, Ollama and LM Studio, data/gguf/RUN: make gguf WEIGHTS=f16
.PHONY: gguf
gguf: $(missing_model) | $(bin)/gpt-sample
	@$(sampled_model); \
	run $(bin)/gpt-sample "$$model" --export "$(gguf_folder)/$(RUN)-$$WEIGHTS.gguf" \
	  --weights="$$WEIGHTS" --modelfile $(gguf_folder)/Modelfile --temperature="$$TEMPERATURE" \
	  $${THREADS:+--threads="$$THREADS"}; \
	echo "for Ollama: ollama create $(RUN) -f $(gguf_folder)/Modelfile" >&2

compared := data/compare

## compare: runs side by side, with what they write, on a page: make compare RUNS='one two'
.PHONY: compare
compare: | $(bin)/gpt-finetune $(bin)/gpt-sample $(bin)/bpe-encode
	@problem=$$(problem_of_names "$$RUNS" $(runs)); read -ra names <<< "$$RUNS"; \
	if [ -z "$$problem" ] && [ $${#names[@]} -lt 2 ]; then \
	  problem="name two or more of: $(or $(runs),none yet)"; \
	fi; \
	if [ -n "$$problem" ]; then echo "pipeline.mk: RUNS: $$problem" >&2; exit 64; fi; \
	as_typed PROMPT; as_words flags "$$SAMPLE_FLAGS"; mkdir -p $(compared); \
	if [ -n "$$PROMPT" ]; then \
	  flags+=(--count=3); printf '%s\n' "$$PROMPT"; \
	else \
	  flags+=(--keep-case); first_words "data/tokens/$${names[0]}" $(bin)/bpe-encode; \
	fi > $(compared)/prompts.txt; \
	[ -s $(compared)/prompts.txt ] || { echo "pipeline.mk: data/tokens/$${names[0]} has no posts whose \
	beginnings could be continued; give a PROMPT" >&2; exit 66; }; \
	texts=(); \
	for name in "$${names[@]}"; do \
	  run $(bin)/gpt-sample "$$(newest_model "$$name")" --prompts $(compared)/prompts.txt \
	    --temperature="$$TEMPERATURE" $${THREADS:+--threads="$$THREADS"} --json \
	    --output "$(compared)/$$name.jsonl" "$${flags[@]}"; \
	  texts+=(--texts "$(compared)/$$name.jsonl"); \
	done; \
	run $(bin)/gpt-finetune --compare "$${names[@]/#/checkpoints/}" "$${texts[@]}" \
	  --output $(compared)/report.html

## runs: list the runs with their losses, sizes and dates
.PHONY: runs
runs:
	@list_runs

## chat: ask the model of a run for bugurts, one after another: make chat RUN=mine
.PHONY: chat
chat: $(missing_model) | $(bin)/gpt-sample
	@as_words flags "$$SAMPLE_FLAGS"; $(sampled_model); \
	$(bin)/gpt-sample "$$model" --interactive --temperature="$$TEMPERATURE" \
	  $${THREADS:+--threads="$$THREADS"} "$${flags[@]}"

## score: how well the model of a run predicts the posts that were held back: make score RUN=mine
.PHONY: score
score: $(missing_model) | $(bin)/gpt-sample $(bin)/bpe-encode
	@$(sampled_model); \
	[ -e $(tokens)/validation-00000.bin ] || \
	  { echo "pipeline.mk: $(tokens) has no posts that were held back" >&2; exit 66; }; \
	for shard in $(tokens)/validation-*.bin; do $(bin)/bpe-encode --decode $$shard; done \
	  | $(bin)/gpt-sample "$$model" --score - --keep-case $${THREADS:+--threads="$$THREADS"}

## prune: remove the checkpoints of a finished run, which only resuming needs: make prune RUN=mine
.PHONY: prune
prune: $(if $(wildcard $(model)),,missing-run)
	rm -rf $(run_folder)/checkpoint-*

# The posts stay, because a channel may no longer have them.
run_files := $(wildcard $(run_folder) $(run_folder).previous $(trained) $(variables) \
  $(variables).started $(corpus) $(funnel) $(cleaned) $(tokens) $(encoded) data/samples/$(RUN).txt \
  $(gguf_folder))

## remove: remove a run, except for its posts: make remove RUN=mine
.PHONY: remove
remove: $(if $(run_files),,missing-run)
	@$(if $(filter RUN,$(given)),,echo "pipeline.mk: which run? make remove RUN=name$(runs_text)" >&2; exit 64)
	rm -rf $(run_files)

.PHONY: missing-run
missing-run:
	@echo "pipeline.mk: $(if $(filter $(RUN),$(runs)),$(RUN) has no finished model yet; continue with: \
	make train RUN=$(RUN),there is no run $(RUN)$(runs_text))" >&2; exit 66

## show: print the variables that a run was made with: make show RUN=mine
.PHONY: show
show: $(if $(wildcard $(variables)$(waiting)),,missing-run)
	@$(or $(foreach name,$(remembered),printf '%s=%s\n' $(name) "$${$(name)@Q}";), \
	  echo 'pipeline.mk: $(RUN) was made with all variables at their defaults' >&2)

# All values are in the environment of the recipes above.
$(foreach name,$(filter-out RUN,$(pipeline_variables)) run_variables dump_settings \
  clean_settings encode_settings train_settings,$(if $(filter-out undefined,$(origin \
  $(name))),$(eval $(dumped) $(cleaned) $(encoded) $(trained) estimate sample gguf chat score \
  compare show missing-export: export \
  $(name) := $$($(name)))))

# What takes hours to make again, or cannot be: models, and posts of channels.
keepsakes = $(strip $(sort $(dir $(wildcard checkpoints/*/final checkpoints/*/checkpoint-*))) \
  $(shell grep -ls '^EXPORT=@' data/raw/*.settings | sed 's/settings$$/jsonl/'))

## distclean: remove the build, and all output under data and checkpoints; asks before it removes models
.PHONY: distclean
distclean:
	$(if $(filter yes,$(CONFIRM)),,$(if $(keepsakes),@confirm_removal $(keepsakes)))
	rm -rf $(build) data/raw data/clean data/tokens data/samples data/gguf $(compared)
	find checkpoints -mindepth 1 -maxdepth 1 -not -name README.md -exec rm -rf {} +

# Prints the lines with ## (goals), #! (groups of variables) and #? (variables), in 80 columns.
define help
function fold(head, text,   words, count, i, line) {
  line = sprintf("  %-22s", head)
  if (length(head) > 21) { print line; line = sprintf("  %-22s", "") }
  count = split(text, words, " ")
  for (i = 1; i <= count; i++) {
    if (length(line) + 1 + length(words[i]) > 79) { print line; line = sprintf("  %-22s", "") }
    line = line " " words[i]
  }
  print line
}
/^## / && goals { split(substr($0, 4), part, ": "); fold(part[1], substr($0, length(part[1]) + 6)) }
goals { next }
/^#! / { printf "\n%s\n", substr($0, 4); next }
/^#\? / { text = substr($0, 4); next }
text != "" && / \?=/ {
  split($0, part, / \?= ?/)
  fold(part[1] (part[2] ~ /^\$|^$/ ? "" : "=" part[2]), text)
  text = ""
}
endef

help_files := $(pipeline) $(if $(installed),,.package/install.mk)

## help: this list
.PHONY: help
help: export help := $(value help)
help:
	@echo "make GOAL [VARIABLE=value …]"; echo
	@awk -v goals=1 "$$help" $(help_files); awk "$$help" $(help_files)
	@echo; echo "A run remembers the variables it was made with: make show RUN=name."
	@echo "Quote values with blanks or special characters: make sample PROMPT='КОТ ЗА 100\$$'"
	@echo "For work on the project itself: make help-dev"

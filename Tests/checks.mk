# The checks of the project itself: make help-dev
#
# Everything they need is installed under .build, in separate Python environments.

#! make interop
#? one or more checks, such as weights (Tests/Interop/run --list prints all); empty: all
CHECK ?=

#! make bench-train, make bench-encode and the other benchmarks
#? more arguments, such as --models rugpt3small --rounds 5, --corpus text.txt or --megabytes 2000
BENCH_FLAGS ?=

#! make fuzz
#? one parser, such as desktop-json; empty: all
FUZZ_PARSER ?=
#? inputs for each parser
FUZZ_RUNS ?= 100000
#? more arguments for libFuzzer, such as -max_total_time=600 -max_len=65536
FUZZ_FLAGS ?= -seed=1

#! make torture
#? faults for each job of a program; a make is killed a tenth as often; all: each call fails in every way
TORTURE_RUNS ?= 100
#? more arguments, such as --seed 7, --parts makes or --only 'train: write 77-EIO'
TORTURE_FLAGS ?=

#! make test, make test-threads, make test-kernels
#? the tests to run, a regular expression such as TextCleaningTests; empty: all
FILTER ?=

test_flags := $(swift_flags) --disable-testable-imports
# Undefined behaviour in C ends the process, as Swift's own checks do. Beside another sanitizer only.
undefined_behaviour := -Xcc -fsanitize=undefined -Xcc -fsanitize-trap=undefined

## test: run the tests
.PHONY: test
test: $(binaries)
	swift test $(test_flags) $(if $(FILTER),--filter '$(FILTER)')

# Kernels for processors older than this one, with the references of all suites that compute.
computing_suites := TensorKernelsTests|GPT2Tests|TextGenerationTests|TextCleaningTests\..*Duplicates
# Those of products, in which later variants differ.
product_suites := TensorKernelsTests

## test-kernels: run the numerical tests with the kernels for older processors
.PHONY: test-kernels
test-kernels: $(binaries)
	for kernels in haswell avx512; do \
	  BUGURT_KERNELS=$$kernels swift test $(test_flags) --filter '$(or $(FILTER),$(computing_suites))'; \
	done
	for kernels in vnni bfloat16; do \
	  BUGURT_KERNELS=$$kernels swift test $(test_flags) --filter '$(or $(FILTER),$(product_suites))'; \
	done

# The suites in which threads share memory in our own code. The libraries for matrix products are not
# compiled for the sanitizer, which therefore cannot see how they synchronise.
threaded_suites := ThreadingTests\.|ThreadPool|BytePairEncodingTests\..*(Encoder|Trainer)Tests
threaded_suites := $(threaded_suites)|CorpusEncodingTests\.|CleanerTests|NearDuplicates
threaded_targets := ThreadingTests TensorKernelsTests BytePairEncodingTests CorpusEncodingTests \
  TextCleaningTests

## test-threads: run the tests of code that threads share, under the thread sanitizer
.PHONY: test-threads
test-threads: $(build)/installed
	$(if $(FILTER),,ONLY_TESTS='$(threaded_targets)') \
	  TSAN_OPTIONS='halt_on_error=0 suppressions=$(CURDIR)/Tests/thread-sanitizer.txt' \
	  swift test $(test_flags) --sanitize thread $(undefined_behaviour) --scratch-path $(build)/thread-sanitizer \
	  -Xswiftc -use-ld=lld --filter '$(or $(FILTER),$(threaded_suites))'

# The C must compile for other processors than this one: cross-compiling needs only the C library's headers.
arm_headers := $(wildcard /usr/aarch64-linux-gnu/include)
other_processors := x86_64-linux-gnu $(if $(arm_headers),aarch64-linux-gnu)

## lint: check the format, the floors, what docs refer to, and the C for other processors
.PHONY: lint
lint:
	swift format lint --strict --recursive --parallel Sources Tests Package.swift
	python3 Tests/Lint/floors.py --check docs/floors.svg
	python3 Tests/Lint/documents.py
	mkdir -p $(build)
	for processor in $(other_processors); do for kernels in Sources/Model/CKernels/Variants/*.c; do \
	  clang -O2 -Wall -Werror -std=c17 --target=$$processor $(arm_headers:%=-idirafter %) \
	    -ISources/Model/CKernels/include -c $$kernels -o $(build)/kernels.o; done; done
	$(if $(arm_headers),,@echo "lint: without libc6-dev-arm64-cross, nothing was compiled for aarch64" >&2)

## floors: draw docs/floors.svg from Package.swift
.PHONY: floors
floors:
	python3 Tests/Lint/floors.py docs/floors.svg

## torture: make calls of the programs fail, kill them, limit their memory; minutes, or hours with TORTURE_RUNS=all
.PHONY: torture
torture: $(binaries)
	python3 Tests/Torture/torture.py --runs '$(TORTURE_RUNS)' $(TORTURE_FLAGS)

# ---- References

python := $(build)/interop/bin/python

$(build)/interop/installed: Tests/Interop/requirements.txt
	python3 -m venv $(@D)
	$(@D)/bin/pip install --quiet --requirement $<
	@touch $@

## interop: compare with transformers, tokenizers and others (installed in .build/interop)
.PHONY: interop
interop: $(trained) $(build)/interop/installed | $(bin)/gpt-sample \
  $(bin)/bpe-encode $(bin)/gpt-finetune $(bin)/bugurt-clean
	SWIFT_TEST_FLAGS='$(test_flags)' Tests/Interop/run $(RUN) $(CHECK)

# ---- Benchmarks

## bench-train: time training against transformers, about 15 minutes on two cores
.PHONY: bench-train
bench-train: $(build)/interop/installed | $(bin)/gpt-finetune
	HF_HUB_OFFLINE=1 $(python) Tests/Benchmarks/training_benchmark.py \
	  --gpt-finetune $(bin)/gpt-finetune --work $(build)/benchmark $(BENCH_FLAGS)

## bench-adapters: time the training of adapters against peft, half an hour
.PHONY: bench-adapters
bench-adapters: $(build)/interop/installed | $(bin)/gpt-finetune
	HF_HUB_OFFLINE=1 $(python) Tests/Benchmarks/adapter_benchmark.py \
	  --gpt-finetune $(bin)/gpt-finetune --work $(build)/benchmark-adapters $(BENCH_FLAGS)

## bench-adapter-curves: compare LoRA, DoRA and PiSSA, and draw docs/adapters.svg, an hour
.PHONY: bench-adapter-curves
bench-adapter-curves: $(cleaned) $(build)/bench-precision/installed | $(bin)/bpe-encode $(bin)/gpt-finetune
	$(build)/bench-precision/venv/bin/python Tests/Benchmarks/adapter_curves.py \
	  --bpe-encode $(bin)/bpe-encode --gpt-finetune $(bin)/gpt-finetune --fixture $(corpus) \
	  --work $(build)/benchmark-adapter-curves --picture docs/adapters.svg $(BENCH_FLAGS)

## bench-precision: train in fp32 and bf16 and draw the losses to docs/precision.svg, half an hour
.PHONY: bench-precision
bench-precision: $(cleaned) $(build)/bench-precision/installed | $(bin)/bpe-encode $(bin)/gpt-finetune
	$(build)/bench-precision/venv/bin/python Tests/Benchmarks/precision_curves.py \
	  --bpe-encode $(bin)/bpe-encode --gpt-finetune $(bin)/gpt-finetune --fixture $(corpus) \
	  --work $(build)/bench-precision --picture docs/precision.svg $(BENCH_FLAGS)

$(build)/bench-precision/installed:
	python3 -m venv $(@D)/venv
	$(@D)/venv/bin/pip install --quiet matplotlib==3.10.7
	@touch $@

## bench-encode: time encoding against tiktoken and tokenizers
.PHONY: bench-encode
bench-encode: $(cleaned) $(build)/interop/installed | $(bin)/bpe-encode
	$(python) Tests/Benchmarks/encoding_benchmark.py --bpe-encode $(bin)/bpe-encode \
	  --work $(build)/benchmark-encode --fixture $(corpus) $(BENCH_FLAGS)

## bench-clean: time cleaning, and the search for near duplicates against datasketch
.PHONY: bench-clean
bench-clean: $(cleaned) $(build)/interop/installed | $(bin)/bugurt-clean
	$(python) Tests/Benchmarks/clean_benchmark.py --bugurt-clean $(bin)/bugurt-clean \
	  --work $(build)/benchmark-clean --fixture $(corpus) $(BENCH_FLAGS)

## bench-dump: time reading an export of 1 GB against Python's json and jq
.PHONY: bench-dump
bench-dump: | $(bin)/tg-dump
	python3 Tests/Benchmarks/dump_benchmark.py --tg-dump $(bin)/tg-dump \
	  --work $(build)/benchmark-dump --fixture data/fixture/result.json $(BENCH_FLAGS)

## bench-machines: measure what the network costs several machines, simulated; as root, half an hour
.PHONY: bench-machines
bench-machines: | $(bin)/gpt-finetune
	python3 Tests/Benchmarks/machines_benchmark.py --gpt-finetune $(bin)/gpt-finetune \
	  --work $(build)/benchmark-machines $(BENCH_FLAGS)

## bench-local-steps: compare the losses with and without --local-steps, 10 minutes
.PHONY: bench-local-steps
bench-local-steps: $(encoded) | $(bin)/gpt-finetune
	python3 Tests/Benchmarks/local_steps.py --gpt-finetune $(bin)/gpt-finetune \
	  --tokens $(tokens) --work $(build)/bench-local-steps $(BENCH_FLAGS)

# pip compiles llama.cpp for this processor, which takes a long time, hence nice.
$(build)/bench-sample/installed: Tests/Benchmarks/sampling_requirements.txt
	python3 -m venv $(@D)/venv
	CMAKE_ARGS='-DGGML_NATIVE=ON -DLLAVA_BUILD=OFF' nice $(@D)/venv/bin/pip install --quiet \
	  --requirement $<
	@touch $@

## bench-sample: time sampling against transformers and llama.cpp, which is compiled first
.PHONY: bench-sample
bench-sample: $(build)/bench-sample/installed | $(bin)/gpt-sample
	HF_HUB_OFFLINE=1 $(build)/bench-sample/venv/bin/python \
	  Tests/Benchmarks/sampling_benchmark.py --gpt-sample $(bin)/gpt-sample \
	  --work $(build)/bench-sample $(BENCH_FLAGS)

## bench-threads: time training and sampling with several threads beside busy processes, 10 minutes
.PHONY: bench-threads
bench-threads: $(encoded) | $(bin)/gpt-finetune $(bin)/gpt-sample
	python3 Tests/Benchmarks/threads_benchmark.py --programs $(bin) --tokens $(tokens) \
	  --work $(build)/bench-threads $(BENCH_FLAGS)

## bench-estimate: compare estimates of runs with how long the runs take, 10 minutes
.PHONY: bench-estimate
bench-estimate: $(encoded) | $(bin)/gpt-finetune
	python3 Tests/Benchmarks/estimate_benchmark.py --gpt-finetune $(bin)/gpt-finetune \
	  --tokens $(tokens) --work $(build)/bench-estimate $(BENCH_FLAGS)

## bench-large: run a model of 13 billion weights in int4, which takes 26 GB of disk meanwhile
.PHONY: bench-large
bench-large: $(build)/bench-sample/installed | $(bin)/gpt-sample
	$(build)/bench-sample/venv/bin/python Tests/Benchmarks/large_model.py \
	  --gpt-sample $(bin)/gpt-sample --work $(build)/bench-sample $(BENCH_FLAGS)

# ---- Fuzzing

fuzz := $(build)/fuzz/release/Fuzz

## fuzz: run the parsers on inputs from libFuzzer, under the address sanitizer
.PHONY: fuzz
fuzz: $(build)/installed
	swift build --package-path Tests/Fuzz --scratch-path $(build)/fuzz --configuration release \
	  --sanitize fuzzer -Xswiftc -sanitize=fuzzer,address $(undefined_behaviour)
	export SWIFT_BACKTRACE=enable=no; \
	{ $(if $(FUZZ_PARSER),echo $(FUZZ_PARSER),$(fuzz) names); } \
	  | xargs -P "$$(nproc)" -I PARSER \
	    $(fuzz) PARSER -runs=$(FUZZ_RUNS) -verbosity=0 $(FUZZ_FLAGS) 2>&1 \
	  | grep -vE '# Uses: |NEW_FUNC|Recommended dictionary'

## help-dev: this list, and that of make help
.PHONY: help-dev
help-dev: export help := $(value help)
help-dev: help
	@echo; echo "For work on the project itself:"; echo
	@awk -v goals=1 "$$help" Tests/checks.mk; awk "$$help" Tests/checks.mk

# Installing the programs, and the Debian package: make help

#! make install, make uninstall
#? where to: the programs go to PREFIX/bin, the rest below PREFIX/share
PREFIX ?= /usr/local
#? a folder that stands for /, for packagers
DESTDIR ?=

version := $(shell sed -n 's/^public let packageVersion = "\(.*\)"/\1/p' \
  Sources/Support/CommandLineSupport/Help/Version.swift)
shared = $(DESTDIR)$(PREFIX)/share
# Everything that is installed, below PREFIX.
installed_folders := share/bugurt-gpt share/doc/bugurt-gpt
installed_files := $(foreach program,$(programs),bin/$(program) share/man/man1/$(program).1.gz \
  share/bash-completion/completions/$(program) share/zsh/site-functions/_$(program) \
  share/fish/vendor_completions.d/$(program).fish)

# What is installed is built apart, because the runtime of Swift is linked in, which tests cannot be.
static := $(build)/static
static_binaries := $(programs:%=$(static)/release/%)
.PRECIOUS: $(static_binaries)
$(static_binaries) &: $(sources) | $(build)/installed
	@$(note_commit)
	swift build $(swift_flags) --static-swift-stdlib --scratch-path $(static)
	@touch $(static_binaries)

## install: install the programs, man pages, completions and the pipeline: make install PREFIX=~/.local
.PHONY: install
install: $(static_binaries)
	@as_path PREFIX; as_path DESTDIR; root=$$DESTDIR$$PREFIX; shared=$$root/share; \
	install -d "$$root/bin" "$$shared"/{man/man1,bash-completion/completions,zsh/site-functions} \
	  "$$shared"/{fish/vendor_completions.d,bugurt-gpt/data/fixture,doc/bugurt-gpt/docs/benchmarks}; \
	for program in $(programs); do \
	  install -s $(static)/release/$$program "$$root/bin"; \
	  $(static)/release/$$program --generate-manual-page | gzip -9n > "$$shared/man/man1/$$program.1.gz"; \
	  complete=$(static)/release/$$program\ --generate-completion-script; \
	  $$complete bash > "$$shared/bash-completion/completions/$$program"; \
	  $$complete zsh > "$$shared/zsh/site-functions/_$$program"; \
	  $$complete fish > "$$shared/fish/vendor_completions.d/$$program.fish"; \
	done; \
	install -m 644 pipeline.mk Sources/Programs/pipeline.bash "$$shared/bugurt-gpt"; \
	install -m 644 data/fixture/result.json "$$shared/bugurt-gpt/data/fixture"; \
	printf '%s\n' '# Copy this file to a folder of its own, and type there: make help' \
	  "include $$PREFIX/share/bugurt-gpt/pipeline.mk" > "$$shared/bugurt-gpt/Makefile"; \
	install -m 644 README.md LICENSE "$$shared/doc/bugurt-gpt"; \
	install -m 644 docs/*.md docs/*.svg "$$shared/doc/bugurt-gpt/docs"; \
	install -m 644 docs/benchmarks/*.md "$$shared/doc/bugurt-gpt/docs/benchmarks"

## uninstall: remove what make install with the same PREFIX has installed
.PHONY: uninstall
uninstall:
	@as_path PREFIX; as_path DESTDIR; cd "$$DESTDIR$$PREFIX"; \
	rm -f $(installed_files); rm -rf $(installed_folders)

install uninstall: export PREFIX := $(PREFIX)
install uninstall: export DESTDIR := $(DESTDIR)

architecture := $(shell dpkg --print-architecture 2> /dev/null)
deb := $(build)/bugurt-gpt_$(version)_$(architecture).deb

## deb: a package for this release of Debian, .build/bugurt-gpt_VERSION_ARCHITECTURE.deb
.PHONY: deb
deb: $(static_binaries)
	.package/make-deb $(deb) $(version)

## deb-check: install the package on a bare Debian, in a folder, and run it there; as root
.PHONY: deb-check
deb-check: deb
	.package/check-deb $(deb)

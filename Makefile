# Fata: `make help` says what can be made. A fresh Debian 12 or 13 machine needs nothing before `make run` or `make check`:
# they install what is missing.
# SPDX-License-Identifier: ISC

ifneq ($(words $(CURDIR)),1)
$(error make cannot handle blanks in paths: move the SDK, $(CURDIR))
endif
BSP ?= xen-x86_64
PREFIX ?= /usr/local
boards := $(notdir $(patsubst %/board.mk,%,$(wildcard bsp/*/board.mk)))
demo := build/demo/web
version := $(shell sed -n 's/^\#define FA_VERSION "\(.*\)"/\1/p' sdk/include/fata/base.h)

# `make` alone.
all: setup tool

help:
	@echo 'make run             sets the machine up, scaffolds the web template, boots it in QEMU, says its URL'
	@echo '                     once it answers, and serves until Ctrl-C (PORT=8080 BSP=board ON=machine'
	@echo '                     TIMEOUT=seconds TAP=interface PCAP=file ARGS=... as in a project)'
	@echo 'make check           sets the machine up, runs every test; ends with "N passed, N failed"'
	@echo 'make check-extended  what is too slow for every run: fresh Debian roots, long fuzzing'
	@echo 'make bench           guest instructions, sizes, and ratios to peers'
	@echo 'make                 builds the tool, build/fata; then: build/fata --help'
	@echo 'make setup           installs the Debian packages that are missing (as root or by sudo)'
	@echo 'make install         the tool and the SDK, for all boards, under PREFIX ($(PREFIX))'
	@echo 'make dist            a source archive of the last commit, in build/'
	@echo 'make clean           removes build/; third-party builds stay in the cache (toolchain/README.md)'

setup:
	@toolchain/setup

# The demonstration is what the template is, until somebody changes it.
demo_files_differ = ! diff -qr -x build -x compile_commands.json
run: all
	@mkdir -p build/demo && rm -rf build/demo/new && mkdir build/demo/new
	@build/fata new web build/demo/new/web > build/demo.log || { cat build/demo.log; exit 1; }
	@if [ -d $(demo) ] && [ -d build/demo/made ] && $(demo_files_differ) build/demo/made $(demo) > build/demo.log; then \
	    echo '$(demo) has been changed, and runs as it is; once that folder is removed, it is made anew'; \
	elif $(demo_files_differ) build/demo/new/web $(demo) > build/demo.log 2>&1; then \
	    rm -rf $(demo) build/demo/made && cp -R build/demo/new/web build/demo/made && mv build/demo/new/web $(demo); \
	fi
	@$(MAKE) --no-print-directory -C $(demo) run

check: all
	@ci/check
check-extended: all
	@ci/check --extended
bench: all
	@tests/bench/run

tool:
	@$(MAKE) --no-print-directory -f toolchain/tools.mk
cert-tool:
	@$(MAKE) --no-print-directory -f toolchain/tools.mk cert-tool
# The SDK's library for one board; a project's build asks for it.
library:
	@$(MAKE) --no-print-directory -f toolchain/library.mk BSP=$(BSP) DEBUG=$(DEBUG) LIBS='$(LIBS)'
libraries: $(boards:%=library-%)
library-%:
	@$(MAKE) --no-print-directory -f toolchain/library.mk BSP=$* LIBS='$(installed_libs)'
	@$(MAKE) --no-print-directory -f toolchain/library.mk BSP=$* LIBS='$(installed_libs)' DEBUG=1

# An installed SDK is a copy of what projects use, libraries built, in the same layout and without this Makefile.
installed_libs := $(shell awk '!/^\#/ && NF == 4 && $$1 != "picolibc" {print $$1}' toolchain/third-party/pins)
installed := $(DESTDIR)$(PREFIX)/lib/fata
install: all cert-tool libraries
	@rm -rf '$(installed)'
	@mkdir -p '$(installed)/build' '$(DESTDIR)$(PREFIX)/bin'
	@cp -R --parents sdk/include bsp toolchain rootfs-free/card rootfs-free/spl rootfs-free/zimage templates README.md LICENSE THIRD-PARTY.md '$(installed)'
	@cp -RL build/third-party build/fata build/fata-cert build/fata-embed build/dtb '$(installed)/build'
	@for flavour in $(boards) $(boards:%=%-debug); do \
	    mkdir -p "$(installed)/build/$$flavour" && cp build/$$flavour/libfata.a "$(installed)/build/$$flavour"; done
	@ln -sf ../lib/fata/build/fata '$(DESTDIR)$(PREFIX)/bin/fata'
	@echo 'installed in $(installed); the tool is $(DESTDIR)$(PREFIX)/bin/fata'

dist:
	@mkdir -p build
	@git archive --prefix=fata-$(version)/ -o build/fata-$(version).tar.gz HEAD
	@echo build/fata-$(version).tar.gz

clean:
	rm -rf build

.PHONY: all help setup run check check-extended bench tool cert-tool library libraries install dist clean

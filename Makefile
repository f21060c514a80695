# locust.h - GNU make 3.81 or later. Everything built goes to build/; `make help` lists the targets.

CC     ?= cc
CFLAGS ?= -O2
PREFIX ?= /usr/local

EXAMPLES := $(patsubst examples/%.c,build/%,$(wildcard examples/*.c))
TESTS    := $(patsubst tests/unit/%.c,build/%,$(wildcard tests/unit/test_*.c))
BENCHES  := $(sort $(basename $(patsubst tests/bench/bench_%,%,$(wildcard tests/bench/bench_*))))
PARTS    := $(wildcard tools/header/*/*.[ch] tools/header/*/*/*.c)
FORMAT   := $(wildcard $(PARTS) tests/*.h $(patsubst %,tests/%/*.[ch],unit fuzz bench build whole/programs))
STYLE    := --style=file:tools/clang-format

all: examples build/target $(TESTS)  ## builds the examples, a server and the unit tests; the default

examples: $(EXAMPLES)            ## builds the examples

build/%: examples/%.c locust.h | build
	$(CC) $(CFLAGS) -I. $< -o $@ $(LDFLAGS) $(LDLIBS)

build/hit: tools/hit.c locust.h | build
	$(CC) $(CFLAGS) -I. $< -o $@ $(LDFLAGS) $(LDLIBS)

build/target: tests/whole/programs/target.c locust.h | build
	$(CC) $(CFLAGS) -I. $< -o $@ $(LDFLAGS) $(LDLIBS)

build/%: tests/unit/%.c tests/check.h tests/server.h $(wildcard tests/unit/*.h) $(PARTS) | build
	$(CC) $(CFLAGS) -I. $< -o $@ $(LDFLAGS) $(LDLIBS)

build:
	mkdir -p $@

header: | build                  ## joins tools/header into locust.h, or takes an edit of locust.h back
	@tools/page.py && tools/join.py --update locust.h && tools/map.py --write >/dev/null && tools/join.py --update locust.h

demo: build/demo build/target    ## loads a small server for ten seconds; needs only cc and make
	@tools/demo.sh

deps:                            ## installs what tests and benches need, through apt
	@tools/deps.sh test bench

mbedtls:                         ## fetches and builds the versions of mbedTLS that the tests use
	@for v in "fetch 2.28" "fetch 3.6.6" "fetch 3.6.7" build "build musl"; do tools/mbedtls.sh $$v || exit 1; done

# Where nothing may be installed, the tests that need a missing program say so and are skipped.
test: | build                    ## runs the tests; T=http picks one, T='h*' some, T="http asan" a variant
	@tools/page.py --check
	@tools/join.py --check locust.h
	@tools/deps.sh test || true
	@$(MAKE) -s mbedtls >build/mbedtls.log 2>&1 || true
	@set -f; CC="$(CC)" tests/run $(T)

coverage: | build                ## what of the header the unit tests run, by gcov; T="hash url" picks some
	@set -f; tests/coverage $(T)

servers: | build                 ## loads some 50 real servers, which it installs under build/; S="tomcat nginx" picks
	@set -f; CC="$(CC)" tests/servers/servers.py $(S)

screenshots: | build             ## takes pictures of the page and of reports, into build/screenshots
	@tools/deps.sh test || true
	@CC="$(CC)" tests/whole/screenshots.py

cross: | build                   ## builds and tests for every machine, with qemu; A="armhf mips" picks some
	@tools/deps.sh cross || true
	@tools/zig.sh >build/zig.log 2>&1 || true
	@tools/newer.sh qemu || true
	@tools/newer.sh gcc loongarch64 || true
	@tests/whole/cross.py $(A)

lint:                            ## format, layering, names, cppcheck, clang-tidy
	clang-format $(STYLE) --dry-run --Werror $(FORMAT)
	tools/check_layers.py --parts
	tools/map.py
	tools/check_names.py locust.h
	tools/lint.sh

check:                           ## what a merge needs: all tests (each sanitizer, each way to build) and lint
	@FULL=1 $(MAKE) test lint

bench: | build                   ## prints numbers with their method; B=http picks one
	@tools/deps.sh test bench || true
	@set -f; picked=$$(tests/whole/kit/pick.py $(B) -- $(BENCHES)) || exit 1; for b in $$picked; do \
	    if [ -f tests/bench/bench_$$b.py ]; then CC="$(CC)" tests/bench/bench_$$b.py; \
	    else $(CC) $(CFLAGS) -I. tests/bench/bench_$$b.c -o build/bench_$$b $(LDFLAGS) $(LDLIBS) \
	        && build/bench_$$b; \
	    fi || exit 1; \
	done

fuzz:                            ## fuzzes the parsers; F=url picks one, FUZZ_SECONDS=20 each
	@tools/deps.sh test || true
	@set -f; tests/fuzz/fuzz.py $(or $(FUZZ_SECONDS),20) $(F)

format:                          ## lays out all C files but the examples, which are laid out by hand
	clang-format $(STYLE) -i $(FORMAT)

install:                         ## copies locust.h to DESTDIR PREFIX/include
	mkdir -p $(DESTDIR)$(PREFIX)/include
	cp locust.h $(DESTDIR)$(PREFIX)/include/locust.h

clean:                           ## removes build/
	rm -rf build

help:                            ## prints this table
	@sed -n 's/^\([a-z]*\):.*## /\1|/p' Makefile | awk -F'|' '{printf "%-12s%s\n", $$1, $$2}'

.PHONY: all header examples demo deps mbedtls test coverage servers screenshots cross lint check bench fuzz format install clean help

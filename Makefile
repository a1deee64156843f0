# SPDX-License-Identifier: Apache-2.0
# mod_miningproxy: see README.md. "make help" lists the targets.
BUILD    ?= build
ifeq ($(origin CC),default)
CC        = gcc
endif
OPT      ?= -O2 -g
LAYERS   ?= base codec core store upstream service
WARN      = -std=gnu11 -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wformat=2 -Wvla \
            -Wwrite-strings -Wundef
# Not beside a sanitizer, which checks the same itself.
HARDEN    = $(if $(SANITIZE),,-D_FORTIFY_SOURCE=2 -fstack-protector-strong)
PKGS      = apr-1 apr-util-1 jansson libcurl sqlite3 libmariadb libcrypto
# Others' macros are theirs to answer for: APR's subtract null pointers, which clang reports wherever they are used.
PKG_CPPFLAGS := $(patsubst -I%,-isystem %,$(shell pkg-config --cflags $(PKGS) 2>/dev/null))
PKG_LIBS     := $(shell pkg-config --libs $(PKGS) 2>/dev/null)
CPPFLAGS += -Iinclude -D_GNU_SOURCE $(PKG_CPPFLAGS)
CFLAGS   += $(OPT) $(WARN) $(HARDEN) -fPIC -fvisibility=hidden -pthread $(SANITIZE)
LDLIBS    = $(PKG_LIBS) -lcrypt -lm
LDFLAGS  += -pthread $(SANITIZE)

LIB_SRC  := $(foreach layer,$(LAYERS),$(wildcard src/$(layer)/*.c))
LIB_OBJ  := $(LIB_SRC:%.c=$(BUILD)/%.o)
MOD_OBJ  := $(BUILD)/mod_miningproxy.o $(patsubst %.c,$(BUILD)/%.o,$(wildcard src/httpd/*.c))
TESTS    ?= $(basename $(notdir $(wildcard test/unit/test_*.c)))
TEST_BIN := $(TESTS:%=$(BUILD)/test/unit/%)
TEST_OBJ := $(patsubst %.c,$(BUILD)/%.o,$(filter-out test/unit/test_%,$(wildcard test/unit/*.c)))
TARGETS  ?= $(patsubst test/fuzz/fuzz_%.c,%,$(wildcard test/fuzz/fuzz_*.c))
FUZZ_SANITIZE = -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
FUZZ_BIN := $(TARGETS:%=$(BUILD)/fuzz/%)
FUZZ_OBJ := $(patsubst %.c,$(BUILD)/%.o,$(filter-out test/fuzz/fuzz_%,$(wildcard test/fuzz/*.c)))
MODULE    = $(BUILD)/mod_miningproxy.so
FARM      = $(BUILD)/farm
RENDER    = $(BUILD)/render
BENCH     = $(BUILD)/bench/pool $(BUILD)/bench/crowd $(BUILD)/bench/load

# Where things go. httpd's own folders are what apxs says.
PREFIX      ?= /usr
LIBEXECDIR  ?= $(shell apxs -q libexecdir)
SYSCONFDIR  ?= $(shell apxs -q sysconfdir)
SHAREDIR     = $(PREFIX)/share/miningproxy
SBINDIR      = $(PREFIX)/sbin
MANDIR       = $(PREFIX)/share/man
MODSDIR      = $(SYSCONFDIR)/mods-available
INSTALL_ENV  = BUILD='$(BUILD)' DESTDIR='$(DESTDIR)' LIBEXECDIR='$(LIBEXECDIR)' SHAREDIR='$(SHAREDIR)' SBINDIR='$(SBINDIR)' MANDIR='$(MANDIR)' MODSDIR='$(MODSDIR)'

# "make run": its port, and the database that add-pool and its like change.
PORT     ?= 8332
DATABASE ?=
PRIORITY ?=
PYTEST    = MP_MODULE='$(abspath $(MODULE))' /usr/bin/python3 -m pytest -q $(PYTESTFLAGS)

all: $(MODULE) $(FARM) $(BENCH) $(RENDER)

$(BUILD)/libmp.a: $(LIB_OBJ)
	rm -f $@
	$(AR) qcs $@ $^

# SQLite's schema, and how it is upgraded, as C string literals: the module keeps its own file.
$(BUILD)/gen/%_sqlite.h: database/%.sqlite.sql
	@mkdir -p $(@D)
	sed -e '/^--/d' -e '/^$$/d' -e 's/[\\"]/\\&/g' -e 's/.*/"&\\n"/' $< >$@.new && mv $@.new $@
$(BUILD)/src/store/sqlite.o: $(addprefix $(BUILD)/gen/,schema_sqlite.h migrate4_sqlite.h migrate5_sqlite.h migrate6_sqlite.h)
$(BUILD)/src/store/sqlite.o: CPPFLAGS += -I$(BUILD)/gen

$(BUILD)/%.o: %.c | tools-are-there
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# The module's record is the only thing that httpd sees; httpd's headers do not mark it as visible on Unix.
HTTPD_INCLUDE := $(shell apxs -q includedir 2>/dev/null)
$(MOD_OBJ): CPPFLAGS += -isystem $(HTTPD_INCLUDE)
# Where the console's templates are, unless a directive says otherwise.
$(BUILD)/src/httpd/config.o: CPPFLAGS += -DMP_SHAREDIR='"$(SHAREDIR)"'
$(BUILD)/mod_miningproxy.o: CFLAGS += -fvisibility=default

$(MODULE): $(MOD_OBJ) $(BUILD)/libmp.a
	$(CC) -shared $(LDFLAGS) -Wl,-z,relro,-z,now,--exclude-libs,ALL -o $@ $^ $(LDLIBS)
	@$(if $(SANITIZE),:,nm -D --defined-only $@ | awk '{ print $$3 }' | grep -qvx miningproxy_module && { rm -f $@; \
	echo 'make: $@ exports more than miningproxy_module' >&2; exit 1; } || :)

$(FARM): $(BUILD)/tools/farm.o $(BUILD)/libmp.a
	$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

# Pages of the console without a server, for tests of templates.
$(RENDER): $(BUILD)/test/browser/render.o $(BUILD)/libmp.a
	$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

# The benchmarks' pool, crowd and load: plain C, nothing of the module in them.
bench-tools: $(BENCH)
BENCH_OBJ = $(patsubst %.c,$(BUILD)/%.o,$(filter-out $(BENCH:$(BUILD)/bench/%=test/bench/%.c),$(wildcard test/bench/*.c)))
$(BENCH): $(BUILD)/bench/%: $(BUILD)/test/bench/%.o $(BENCH_OBJ)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ -lssl -lcrypto -lm

# What several test programs share: the TAP lines, a stub of a pool, a cache in memory.
$(BUILD)/test/unit/libtest.a: $(TEST_OBJ)
	rm -f $@
	$(AR) qcs $@ $^

$(BUILD)/test/unit/%: $(BUILD)/test/unit/%.o $(BUILD)/test/unit/libtest.a $(BUILD)/libmp.a
	$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

# Each with libFuzzer's main program; what they share comes as objects, because it stands before functions of libraries.
fuzz-targets: $(FUZZ_BIN)
$(BUILD)/fuzz/%: $(BUILD)/test/fuzz/fuzz_%.o $(FUZZ_OBJ) $(BUILD)/libmp.a
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -fsanitize=fuzzer -o $@ $^ $(LDLIBS)

# One sentence instead of a page of errors when the packages are missing. "make run" and "make check" install them.
tools-are-there:
	@command -v $(firstword $(CC)) >/dev/null && command -v apxs >/dev/null && pkg-config --exists $(PKGS) || { \
	echo 'make: compiler or libraries are missing; "tools/packages build" installs them (make run and make check do so themselves).' >&2; exit 1; }

## Run it
run: ## install what is missing, build, and serve miners on port 8332 (PORT=...)
	@tools/packages run
	@tools/run prepare
	@[ -f $(MODULE) ] || echo 'Building: a few seconds, the first time only.'
	@$(MAKE) --no-print-directory --silent -j$$(nproc) all
	@BUILD='$(BUILD)' PORT='$(PORT)' DATABASE='$(DATABASE)' exec tools/foreground tools/run

demo: ## the same with pools and miners of its own, to look at: port 8333, data in var-demo
	@tools/packages demo
	@$(MAKE) --no-print-directory --silent -j$$(nproc) all
	@BUILD='$(BUILD)' exec tools/foreground tools/demo $(if $(filter command,$(firstword $(origin PORT))),--port '$(PORT)')

add-pool: $(FARM) ## add a mining pool: NAME=alpha URL=http://pool.example.com:8332
	@$(call need,NAME URL)$(farm) add-pool $(call text,NAME) $(call text,URL)

add-worker: $(FARM) ## add a miner's account: NAME=rig1 PASSWORD=secret
	@$(call need,NAME PASSWORD)$(farm) add-worker $(call text,NAME) $(call text,PASSWORD)

assign: $(FARM) ## let a worker mine for a pool: WORKER=rig1 POOL=alpha USER=me.rig1 POOL_PASSWORD=x PRIORITY=10
	@$(call need,WORKER POOL USER POOL_PASSWORD)$(farm) assign $(call text,WORKER) $(call text,POOL) \
	$(call text,USER) $(call text,POOL_PASSWORD) $(if $(PRIORITY),$(call text,PRIORITY))

list: $(FARM) ## show pools, workers and assignments
	@$(farm) list

## Check it
check: ## install what tests need and run every test
	@tools/packages check
	@tools/check $(PARTS)

check-faults: ## break pools, databases and processes under load for half an hour, and compare the books; "make check" has a short form of it
	@tools/packages check
	@$(MAKE) --no-print-directory --silent -j$$(nproc) all
	MP_FAULTS=long $(PYTEST) -o faulthandler_timeout=1200 -rPpfE test/http/test_6*.py

soak: ## half an hour of load with waiting polls, failover and restarts: nothing may grow, nothing be lost (MINUTES=30, SQLITE=1); "make check" has a short form of it
	@tools/packages check
	@$(MAKE) --no-print-directory --silent -j$$(nproc) all
	MP_MODULE='$(abspath $(MODULE))' test/soak/run --minutes '$(or $(MINUTES),30)' --database $(if $(SQLITE),sqlite,mariadb) $(SOAKFLAGS)

unit: $(TEST_BIN) ## unit tests of everything below httpd
	prove $(PROVEFLAGS) --exec '$(RUNNER)' $(TEST_BIN)

lint: $(BUILD)/libmp.a ## layers, sizes, format, tags, directives, clang-tidy
	@BUILD='$(BUILD)' test/lint/run

http: all ## tests against a real httpd
	$(PYTEST) test/http

browser: all ## tests in a real browser
	$(PYTEST) test/browser

bench: ## install what is missing, measure against plain Apache: a quarter of an hour (BENCHFLAGS="--case mix --write docs/BENCHMARKS.md")
	@tools/packages check
	@$(MAKE) --no-print-directory --silent -j$$(nproc) all
	MP_MODULE='$(abspath $(MODULE))' test/bench/rates $(BENCHFLAGS)

bench-polls: all ## measure 10,000 long polls (POLLS=500, BENCHFLAGS="--database mariadb --write docs/BENCHMARKS.md")
	MP_MODULE='$(abspath $(MODULE))' test/bench/polls $(if $(POLLS),--polls $(POLLS)) $(BENCHFLAGS)

bench-console: all ## measure the dashboard of 1,000 workers and 5 million shares (BENCHFLAGS="--database mariadb")
	MP_MODULE='$(abspath $(MODULE))' test/bench/dashboard $(BENCHFLAGS)

bench-upkeep: all ## measure the removal of 5 million old shares while 500 a second are recorded (BENCHFLAGS="--database mariadb")
	MP_MODULE='$(abspath $(MODULE))' test/bench/upkeep $(BENCHFLAGS)

asan: ## unit tests under AddressSanitizer and UndefinedBehaviorSanitizer (in build-asan); which lines they run is counted as well
	$(MAKE) all unit BUILD=build-asan OPT='-O1 -g' SANITIZE='--coverage -fprofile-update=atomic -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer'

coverage: ## which lines the tests run, by layer (builds and runs the unit tests and most of the http tests: a quarter of an hour)
	@tools/packages check
	@tools/check unit-asan http-asan coverage

# ThreadSanitizer of this gcc does not understand the address layout of newer kernels; setarch -R gives it the old one where it may.
tsan: ## unit tests under ThreadSanitizer (in build-tsan)
	$(MAKE) unit BUILD=build-tsan OPT='-O1 -g' SANITIZE='-fsanitize=thread -fno-omit-frame-pointer' \
	RUNNER="$$(setarch -R true 2>/dev/null && echo setarch -R)"

fuzz: ## libFuzzer on every parser of hostile bytes (in build-fuzz): SECONDS=60 for each, JOBS=1 at a time, TARGETS="work form" for some
	@$(MAKE) --no-print-directory --silent fuzz-targets BUILD=build-fuzz CC=clang OPT='-O1 -g' SANITIZE='$(FUZZ_SANITIZE)'
	@test/fuzz/run --seconds '$(or $(SECONDS),60)' --jobs '$(or $(JOBS),1)' $(FUZZFLAGS) $(TARGETS)

## Install it
install: $(MODULE) $(FARM) ## module, command, SQL and configuration into the system (DESTDIR=, PREFIX=)
	@$(INSTALL_ENV) tools/install

uninstall: ## remove what install put there
	@$(INSTALL_ENV) tools/install --remove

deb: ## install what is missing and build the Debian package: build/libapache2-mod-miningproxy_*.deb
	@tools/packages deb
	@tools/deb '$(BUILD)'

clean: ## remove build folders; var/ with its database stays
	rm -rf build build-* $(BUILD)

help: ## this list
	@sed -n -e 's/^## \(.*\)/\n\1:/p' -e 's/^\([a-z-]*\):[^#]*## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' 'NF > 1 { printf "%-18s %s\n", $$1, $$2; next } { print }'

# $(call need,NAME URL): one sentence if one of these is not given on the command line (the shell's own $USER does not count).
# $(call text,NAME): the value as typed, for the shell: a password may hold any sign.
missing = $(strip $(foreach name,$(1),$(if $(filter command,$(firstword $(origin $(name)))),,$(name)=)))
need = $(if $(call missing,$(1)),echo 'make $@: $(call missing,$(1)) missing. Example: make $@ $(EXAMPLE)' >&2; exit 2;)
text = '$(subst ','\'',$(value $(1)))'
farm = tools/run prepare && $(FARM) --database '$(or $(DATABASE),sqlite:$(CURDIR)/var/database/miningproxy.db)'
MAKEFLAGS += $(if $(filter add-pool add-worker assign list,$(MAKECMDGOALS)),--silent)
add-pool:   EXAMPLE = NAME=alpha URL=http://pool.example.com:8332
add-worker: EXAMPLE = NAME=rig1 PASSWORD=secret
assign:     EXAMPLE = WORKER=rig1 POOL=alpha USER=me.rig1 POOL_PASSWORD=x PRIORITY=10

.PHONY: all run demo add-pool add-worker assign list check check-faults soak unit lint http browser bench bench-polls bench-console bench-upkeep bench-tools asan coverage tsan fuzz fuzz-targets install uninstall deb clean help tools-are-there
.PRECIOUS: $(BUILD)/%.o
-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)

# SPDX-License-Identifier: GPL-2.0-only
#
# The user's interface. Everything is done in tests/lab, in a Debian root file
# system kept in a cache: this machine needs make, bash and little more.

KERNEL ?= stock
JOBS ?=
T ?=
lab := tests/lab
SHELL := /bin/bash

.DEFAULT_GOAL := help
.PHONY: help modules menuconfig demo shell check check-all coverage bench bench-migration bench-net style install clean distclean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 24
	@echo
	@echo '  KERNEL=stock|debug|7.3   which of the lab kernels (default stock)'
	@echo '  KDIR=/lib/modules/$$(uname -r)/build   build for, and install on, this machine'
	@echo '  T="pattern ..."          make check: only tests whose name contains a pattern'
	@echo '  VPC_CACHE=DIR            where the lab keeps what it makes'

ifdef KDIR
release := $(shell $(MAKE) -s -C $(KDIR) kernelrelease)
native := $(shell . $(lab)/lib.sh && echo "$$cache/$$(build_dir native-$(release))")
# Headers of a distribution come without the key that modules would be signed with.
unsigned := $(if $(wildcard $(KDIR)/certs/signing_key.pem),,CONFIG_MODULE_SIG_ALL=)

modules: ## build the modules (KDIR=... for a kernel of your own)
	$(lab)/kbuild $(CURDIR) $(abspath $(KDIR)) $(native) modules

install: modules ## install the modules under updates/ and run depmod
	$(MAKE) -C $(KDIR) M=$(native) INSTALL_MOD_DIR=updates $(unsigned) modules_install
	/sbin/depmod $(if $(INSTALL_MOD_PATH),-b $(INSTALL_MOD_PATH)) $(release)
	@echo 'Installed for $(release). Modules of the same names that are loaded stay until they are unloaded.'
else
modules:
	$(lab)/build --kernel $(KERNEL) modules

install:
	$(MAKE) install KDIR=/lib/modules/$(shell uname -r)/build
endif

menuconfig: ## choose what is built (no need to: the defaults are complete)
	$(lab)/enter sh -c '$(lab)/configure /src /lib/modules/*/build /cache/build/menu --menu'

demo: ## the main job, shown: a VF through devlink to a guest
	@tests/demo

check: ## build, check the style, run the tests that do not take long
	@tests/run --kernel $(KERNEL) $(if $(JOBS),--jobs $(JOBS)) $(T)

coverage: ## run the tests on the debug kernel, report what they reach
	@tests/coverage $(T)

check-all: ## the same with the tests that take long
	@tests/run --all --kernel $(KERNEL) $(if $(JOBS),--jobs $(JOBS)) $(T)

bench: ## count what operations cost, against the stock vfio-pci
	@tests/bench/run

bench-migration: ## what migration costs, against a guest without a VF
	@tests/bench/guest migration

bench-net: ## how fast a VF is in a guest, against the stock igb and vfio-pci
	@tests/bench/guest net

style: ## checkpatch, sparse, W=1, kernel-doc, shellcheck, codespell
	@tests/style/run

shell: ## a virtual VFIO host with everything loaded, to play
	@$(lab)/shell --kernel $(KERNEL)

clean: ## remove builds and run logs from the cache
	rm -rf "$${VPC_CACHE:-$${XDG_CACHE_HOME:-$$HOME/.cache}/vfio-pci-core}"/build \
		"$${VPC_CACHE:-$${XDG_CACHE_HOME:-$$HOME/.cache}/vfio-pci-core}"/run

distclean: clean ## remove the whole cache, root file systems too
	$(lab)/uncache

# The SDK as a library for one board: build/BSP[-debug]/libfata.a, from the rooms that every image has, those the board
# names, and the board's own folder. A debug build (DEBUG=1) checks more; on the host it has the sanitizers.
# Needs BSP; run from the SDK's root. The program's build includes this file too, for the same flags (project.mk).
# SPDX-License-Identifier: ISC

sdk_root := $(patsubst %/,%,$(dir $(lastword $(MAKEFILE_LIST)))..)
ifeq ($(wildcard $(sdk_root)/bsp/$(BSP)/board.mk),)
$(error BSP=$(BSP): there is no such board in $(sdk_root)/bsp; there are: $(patsubst $(sdk_root)/bsp/%/board.mk,%,$(wildcard $(sdk_root)/bsp/*/board.mk)))
endif
include $(sdk_root)/bsp/$(BSP)/board.mk

# A misspelled key would be a key that is missing.
sdk_board_keys := $(addprefix BOARD_,DESCRIPTION CPU MACHINES IMAGE_FORMAT CARDS ROOMS LIBS LINK_SCRIPT ENTRY)
sdk_board_wrong := $(strip $(foreach key,$(filter-out $(sdk_board_keys),$(filter BOARD_%,$(.VARIABLES))),\
	$(if $(filter file,$(origin $(key))),$(key))))
ifneq ($(sdk_board_wrong),)
$(error bsp/$(BSP)/board.mk: there is no key $(sdk_board_wrong); there are: $(sdk_board_keys))
endif

# DEBUG=0 is no debug build.
override DEBUG := $(filter-out 0,$(DEBUG))
sdk_flavour := $(BSP)$(if $(DEBUG),-debug)
sdk_out := $(sdk_root)/build/$(sdk_flavour)
sdk_third := $(sdk_root)/build/third-party/$(BOARD_CPU)

# Third-party libraries of every image, and what the board needs; a program adds its own (LIBS in its Makefile).
sdk_libs := bearssl ring mbedtls $(BOARD_LIBS)
ifneq ($(BOARD_CPU),host)
TARGET_LIBC := $(sdk_third)/picolibc
sdk_need := picolibc
endif
sdk_need += $(sdk_libs) $(LIBS)

as := TARGET
include $(sdk_root)/toolchain/$(BOARD_CPU).mk

# The options of POSIX that sdk/posix has; picolibc's headers then declare them.
ifneq ($(BOARD_CPU),host)
TARGET_CFLAGS += -D_POSIX_MONOTONIC_CLOCK=200112L -D_POSIX_TIMERS=200112L
endif

ifneq ($(DEBUG),)
TARGET_CFLAGS += -Og
ifeq ($(BOARD_CPU),host)
TARGET_CFLAGS += -fsanitize=address,undefined -fno-sanitize-recover=undefined
endif
endif

sdk_includes := -I$(sdk_root)/sdk/include $(foreach lib,$(sdk_libs) $(LIBS),-isystem $(sdk_third)/$(lib)/include)

# Each library is a link into the cache, made by `need`, which builds what is missing; the file NAME.ok says that it is
# there. (An installed SDK has the libraries themselves.)
sdk_need_ok := $(sdk_need:%=$(sdk_third)/%.ok)
$(sdk_third)/%.ok: $(sdk_root)/toolchain/third-party/pins $(sdk_root)/toolchain/third-party/build/% \
		$(wildcard $(addprefix $(sdk_root)/toolchain/,*.mk third-party/ours/*/* third-party/patches/*/*))
	@mkdir -p $(@D)
	@$(sdk_root)/toolchain/third-party/need $* $(BOARD_CPU) $(@:.ok=)
	@touch $@
.PRECIOUS: $(sdk_third)/%.ok

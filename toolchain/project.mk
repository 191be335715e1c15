# How a project is built, run and tested; its Makefile sets these and includes this file:
#   FATA   where the SDK is            NAME   the program's name
#   SRCS   its C and assembler files   LIBS   third-party libraries (names in toolchain/third-party/pins)
#   CFLAGS LDFLAGS   what it wants besides
#   TLS TLS_TRUST   1: the image has the certificates and keys in tls/ (`fata cert`); and ca-certificates: that package's CAs too
#   CARD_DATA CARD_OPTIONS CARD_GUESTS   MiB of an SD card for its own data, its options there, how many guests of Xen
# On the command line:
#   make [BSP=board] [DEBUG=1]         the image: build/BSP/NAME, with NAME.elf for debuggers, and NAME-BOARD.img, SD cards
#   make run [ON=machine] [ARGS='--option=value'] [PORT='host[:guest][/udp] ...'] [TAP=interface] [PCAP=file] [MEMORY=size]
#            [DISK=file[,ro]] [TIMEOUT=seconds] [GUESTS=number, on xen]
#   make card-xen BSP=cubieboard2      a card by which Xen starts it, with no Linux: NAME-cubieboard2-xen.img
#   make test, make clean, make print-image
# What serves has a line `PORT ?= 8080` in its Makefile (`PORT ?= host:guest` where the guest's port is not 80; several are
# separated by blanks), which does not count on machines without ports. A folder files/ becomes part of the image, and so does
# a web site in www/, or in the folder that SITE names.
# SPDX-License-Identifier: ISC

.DEFAULT_GOAL := all
ifneq ($(words $(CURDIR)) $(words $(FATA)),1 1)
$(error make cannot handle blanks in paths: move the project, $(CURDIR), or the SDK, $(FATA))
endif
ifneq ($(filter ../% /%,$(SRCS))$(filter-out %.c %.S,$(SRCS)),)
$(error SRCS names C and assembler files (.c, .S) inside of the project; not so: $(sort $(filter ../% /%,$(SRCS)) $(filter-out %.c %.S,$(SRCS))))
endif
app_libs_known := $(notdir $(wildcard $(FATA)/toolchain/third-party/build/*))
ifneq ($(filter-out $(app_libs_known),$(LIBS)),)
$(error LIBS=$(filter-out $(app_libs_known),$(LIBS)): there is no such library; there are: $(app_libs_known))
endif
# A machine says which board, as in `fata run`.
ifneq ($(ON),)
app_boards := $(patsubst $(FATA)/bsp/%/board.mk,%,$(shell \
	grep -lE '^BOARD_MACHINES :=(.* )?$(ON)( |$$)' $(FATA)/bsp/*/board.mk))
BSP ?= $(or $(filter xen-x86_64,$(app_boards)),$(firstword $(app_boards)),xen-x86_64)
endif
BSP ?= xen-x86_64
ifeq ($(wildcard $(FATA)/bsp/$(BSP)/board.mk),)
$(error BSP=$(BSP): there is no such board in $(FATA); there are: $(patsubst $(FATA)/bsp/%/board.mk,%,$(wildcard $(FATA)/bsp/*/board.mk)))
endif
include $(FATA)/toolchain/sdk.mk

app_out := build/$(sdk_flavour)
app_image := $(app_out)/$(NAME)
app_cards := $(BOARD_CARDS:%=$(app_image)-%.img)
# What a machine starts.
app_boots = $(or $(filter $(app_image)-$(ON).img,$(app_cards)),$(app_image))
app_objects := $(SRCS:%=$(app_out)/%.o) $(app_out)/fata-program.o
override TLS := $(filter-out 0,$(TLS))
app_objects += $(if $(TLS),$(app_out)/fata-tls.o)
app_flags = $(TARGET_CFLAGS) $(sdk_includes) $(if $(filter host,$(BOARD_CPU)),-D_GNU_SOURCE) $(CFLAGS) -MMD -MP
app_compile = $(TARGET_CC) -Wall -Wextra $(app_flags)
app_archives := $(sdk_out)/libfata.a $(foreach lib,$(LIBS) $(sdk_libs),$(sdk_third)/$(lib)/lib/lib$(lib:lib%=%).a)

ifeq ($(BOARD_CPU),host)
app_link := -no-pie
app_system_archives := -lm
else
app_link := -nostdlib -static -no-pie -Wl,--build-id=none -Wl,-z,max-page-size=4096 -Wl,-z,noexecstack \
	$(BOARD_ENTRY:%=-Wl,-e,%) $(BOARD_LINK_SCRIPT:%=-Wl,-T,$(FATA)/bsp/$(BSP)/%)
app_system_archives := $(TARGET_LIBC)/lib/libc.a $(TARGET_LIBGCC)
endif
app_link += -Wl,--wrap=main -Wl,--gc-sections

fata := $(FATA)/build/fata
option = $(if $($(1)),--$(2) '$($(1))')
# What the Makefile says itself is left out on machines without ports; what the user says is not.
port_option = $(if $(filter file,$(origin PORT)),--default-port,--port)
run_options = --bsp $(BSP) $(if $(DEBUG),--debug) $(call option,ON,on) $(call option,MEMORY,memory) \
	$(call option,TAP,tap) $(foreach port,$(PORT),$(port_option) '$(port)') $(call option,PCAP,pcap) $(call option,DISK,disk) \
	$(call option,TIMEOUT,timeout) $(call option,GUESTS,guests)

# Builds of one project wait for each other: two appliances may be started from it at once.
all:
	@mkdir -p $(app_out)
	@flock $(app_out)/lock $(MAKE) --no-print-directory -f $(firstword $(MAKEFILE_LIST)) built

built: $(app_image) $(app_cards) compile_commands.json
	@:

run: all
	@$(fata) run $(run_options) --image $(app_boots) -- $(ARGS)

# A project's test is the script test/run. It finds the tool and the choice of board in its environment.
test: all
	@[ -f test/run ] || { echo 'this project has no test: write the script test/run (templates/hello has one)' >&2; exit 1; }
	@FATA='$(FATA)' BSP='$(BSP)' ON='$(ON)' DEBUG='$(DEBUG)' TLS='$(TLS)' NAME='$(NAME)' IMAGE='$(app_boots)' PATH="$(FATA)/build:$$PATH" sh test/run

# It builds nothing: what is flashed, or was, is what was made, with all that stood on make's command line then.
print-image:
	@echo $(app_image)

clean:
	rm -rf build compile_commands.json

# The library and the tool, as far as they are not up to date; projects that build at once wait for each other. (An installed SDK has no Makefile: its own are complete.)
sdk:
	@if [ -f $(FATA)/Makefile ]; then mkdir -p $(FATA)/build && \
	    flock $(FATA)/build/lock $(MAKE) --no-print-directory -C $(FATA) tool library $(if $(TLS),cert-tool) BSP=$(BSP) DEBUG=$(DEBUG) LIBS='$(LIBS)'; fi

$(app_archives) $(filter /% ../%,$(app_system_archives)): sdk ;

# Both files appear whole: a debugger or a machine may be using the ones before.
$(app_image): $(app_image).elf
	@$(app_image_command)
	@mv $@.new $@

# What boots is, by the board's word, the bytes as they lie in memory with a zImage's header in front, or the ELF file
# without what only debuggers read. (The sanitizers name functions from the running program's own symbols.)
ifeq ($(BOARD_IMAGE_FORMAT),zimage)
app_image_command = $(TARGET_OBJCOPY) -O binary $< $@.new && $(FATA)/rootfs-free/zimage $@.new
else ifneq ($(BOARD_IMAGE_FORMAT),)
$(error BOARD_IMAGE_FORMAT=$(BOARD_IMAGE_FORMAT) in bsp/$(BSP)/board.mk: valid are zimage and none)
else
app_image_command = $(if $(filter host,$(if $(DEBUG),$(BOARD_CPU))),cp $< $@.new,$(TARGET_STRIP) -o $@.new $<)
endif

# A card for each board.
CARD_DATA ?= 0
card_files := $(FATA)/rootfs-free/card $(FATA)/toolchain/u-boot $(wildcard $(FATA)/bsp/$(BSP)/*.cmd $(FATA)/bsp/$(BSP)/*.env)
card_trees := $(patsubst %.dts,$(FATA)/build/dtb/%.dtb,$(notdir $(wildcard $(FATA)/bsp/$(BSP)/dts/*.dts)))
$(card_trees): sdk ;
card_command = $(FATA)/rootfs-free/card $(app_image)-$(1) $(1) $(app_image) '$(CARD_DATA)' '$(subst ','\'',$(CARD_OPTIONS))'
$(app_cards): $(app_image)-%.img: $(app_image) $(app_out)/card-command $(card_files) $(card_trees)
	@$(call card_command,$*)

# A card by which Xen starts the program, once or more often, with no Linux around.
CARD_GUESTS ?= 1
card-xen: all
	$(if $(filter 0,$(CARD_GUESTS)),$(error CARD_GUESTS=0: a card of Xen has at least one guest))
	$(if $(filter cubieboard2,$(BOARD_CARDS)),,$(error BSP=$(BSP): no board of it starts Xen from a card; cubieboard2 does: BSP=cubieboard2))
	@$(FATA)/rootfs-free/card $(app_image)-cubieboard2-xen cubieboard2 $(app_image) '$(CARD_DATA)' '$(subst ','\'',$(CARD_OPTIONS))' '$(CARD_GUESTS)'
	@echo $(app_image)-cubieboard2-xen.img

# The object files on the command line are a prerequisite, so that a changed list links again.
$(app_image).elf: $(app_objects) $(app_archives) $(app_out)/link-command $(filter /% ../%,$(app_system_archives)) \
		$(BOARD_LINK_SCRIPT:%=$(FATA)/bsp/$(BSP)/%)
	@$(app_link_command)
	@mv $@.new $@

app_link_command = $(TARGET_CC) $(TARGET_CFLAGS) $(app_link) -o $(app_image).elf.new $(app_objects) \
	-Wl,--start-group $(app_archives) $(app_system_archives) -Wl,--end-group $(LDFLAGS)

remember = mkdir -p $(@D); printf '%s\n' '$(subst ','\'',$(1))' | cmp -s - $@ || printf '%s\n' '$(subst ','\'',$(1))' > $@

$(app_out)/link-command: FORCE
	@$(call remember,$(app_link_command))
$(app_out)/card-command: FORCE
	@$(call remember,$(call card_command,BOARD))
$(app_out)/compile-command: FORCE
	@$(call remember,$(app_compile))

$(app_out)/%.c.o: %.c $(app_out)/compile-command | sdk
	@mkdir -p $(@D)
	@echo "  CC  $<"
	@$(app_compile) -c $< -o $@
$(app_out)/%.S.o: %.S $(app_out)/compile-command | sdk
	@mkdir -p $(@D)
	@$(app_compile) -c $< -o $@

SITE ?= www
ifneq ($(filter-out www,$(SITE)),)
ifeq ($(wildcard $(SITE)/.),)
$(error SITE=$(SITE): there is no such folder)
endif
endif
# The program's name and its embedded files, as assembler.
$(app_out)/fata-program.o: $(app_out)/fata-program.S $(app_out)/compile-command
	@$(TARGET_CC) $(TARGET_CFLAGS) -c $< -o $@
$(FATA)/build/fata-embed: sdk ;
$(app_out)/fata-program.S: $(app_out)/files-list $(FATA)/build/fata-embed
	@mkdir -p $(app_out)/fata-site
	@$(FATA)/build/fata-embed $(NAME) files $(SITE) $(app_out)/fata-site > $@.$$$$ && mv $@.$$$$ $@ || { rm -f $@.$$$$; exit 1; }
# Names may hold blanks, which make's lists cannot, and be more than a command line takes: a list with sizes and times stands
# for the files; with what find complains of, such as a link without an end, so that the embedder sees it too.
$(app_out)/files-list: FORCE
	@{ echo '$(NAME)'; LC_ALL=C find -L files $(SITE) ! -type d -printf '%p %s %T@\n' 2>&1 | LC_ALL=C sort; } > $@.new
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@

# The certificates and keys, judged at every build: they expire. A project without any gets some for its developer's machine.
TLS_TRUST ?= project
fata_cert := $(FATA)/build/fata-cert
$(app_out)/fata-tls: FORCE | sdk
	@[ -e tls ] || flock build sh -ec '[ -e tls ] || { $(fata_cert) ca --name "$(NAME) development CA"; \
	    $(fata_cert) new localhost 127.0.0.1 ::1; \
	    echo "These are for this machine; tls/ca.pem is what clients need: curl --cacert tls/ca.pem"; }'
	@$(fata_cert) embed tls --out $@ --trust '$(TLS_TRUST)'
$(app_out)/fata-tls.o: $(app_out)/fata-tls $(app_out)/compile-command
	@$(TARGET_CC) $(TARGET_CFLAGS) -c $<.S -o $@

compile_commands.json: $(app_out)/compile-command
	@{ sep='['; for file in $(filter %.c,$(SRCS)); do \
	    printf '%s\n  {"directory": "%s", "file": "%s", "command": "%s -c %s"}' "$$sep" '$(CURDIR)' "$$file" \
	        '$(subst ','\'',$(subst ",\",$(subst \,\\,$(app_compile))))' "$$file"; sep=','; done; [ "$$sep" = , ] || printf '['; printf '\n]\n'; } > $@

-include $(patsubst %.o,%.d,$(filter %.c.o,$(app_objects)))
.PHONY: all built card-xen run test print-image clean sdk FORCE
.DELETE_ON_ERROR:

/* SPDX-License-Identifier: ISC */
/*
 * The machines that `fata run` drives. machines.c holds them in one table: a machine is one entry there, with a
 * function that makes the command line that starts it. Which boards run on a machine stands in the boards' board.mk.
 */
#ifndef FATA_CLI_MACHINES_H
#define FATA_CLI_MACHINES_H

#include "ports.h"
#include "text.h"
#include "verdict.h"

#include <stdbool.h>
#include <stdint.h>

#define RUN_DISK_COUNT_MAX 7 /* microvm has 8 places for virtio devices, and the network takes one */
#define RUN_COMMAND_LINE_BYTES_MAX 4000

/* What is to run, and with what. */
struct run_plan {
    const char *program;    /* that runs the machine: machine_program() */
    const char *image;
    struct image parsed;    /* what it holds */
    const char *debug_elf;  /* NULL: there is none */
    char *const *arguments; /* the guest's, ends with NULL */
    uint64_t memory_mib;    /* 0: the usual amount */
    struct words disks;     /* files */
    bool disk_read_only[RUN_DISK_COUNT_MAX];
    struct run_port ports[RUN_PORT_COUNT_MAX];
    size_t port_count;
    const char *tap;        /* an interface of this host that the guest is plugged in to; NULL: none */
    const char *pcap;       /* a file for all packets; NULL: none */
    bool no_network;        /* none at all; else what no port leads to can still connect out */
    bool kvm;
    bool gdb;
    unsigned gdb_port;
    int monitor;            /* a descriptor for QEMU's monitor; 0: none */
};

#define MACHINE_SIZE_COUNT_MAX 3

struct machine {
    const char *name;
    const char *description;
    const char *program; /* what runs it and the Debian package that has it; NULL: the image itself is the program */
    const char *package;
    const char *debugger; /* what understands its CPU, and its package */
    const char *debugger_package;
    bool is_process;      /* no memory and ports of its own; its standard error is its console too */
    bool has_debug_exit;  /* ends with status (N << 1 | 1) & 0xff */
    bool halts;           /* cannot be switched off: behind its last record, the guest stands still */
    bool is_foreign;      /* its CPU is not the host's */
    bool has_xen_console; /* the guest's console comes among the lines of Xen's (xenlines.h) */
    bool is_xen;          /* QEMU with a hypervisor and its dom0: xen.h runs it, `program` and all below do not count */
    bool is_new;          /* older versions of the program lack it */
    const char *type;     /* QEMU's -M */
    const char *cpu;      /* QEMU's -cpu; NULL: the machine has its own */
    const char *devices;  /* QEMU's options for further devices, or NULL */
    const char *card;     /* the board whose SD card it starts, by that's own boot ROM and U-Boot; NULL: it does not */
    const char *device_tree; /* its name in the SDK's build/dtb; NULL: QEMU makes one, or there is none */
    const char *virtio_block; /* QEMU's devices, or NULL */
    const char *virtio_net;
    const char *board_net; /* QEMU's model of a network device that the board itself has, in the place of virtio's */
    bool has_slot;        /* for an SD card, its first disk */
    const char *sata;     /* QEMU's device for a disk at its SATA port, the second; NULL: no port */
    const char *lacks_network; /* why there are no ports and tap interfaces; NULL: there may be, likewise below */
    const char *lacks_disks;
    const char *lacks_gdb;
    const char *tools;    /* programs that its command line is made by, and their package; NULL: none */
    const char *tools_package;
    uint64_t sizes_mib[MACHINE_SIZE_COUNT_MAX]; /* of memory, the usual one first; none given: as much as is wanted */
    uint64_t memory_mib_max; /* that its images use; 0: all */
    verdict_function *boots;
    void (*command)(const struct machine *machine, const struct run_plan *plan, struct words *argv_out);
};

#define MACHINE_MEMORY_MIB 32 /* when none is asked for */

const struct machine *machine_find(const char *name);
const struct machine *machine_for_image(const struct image *image); /* the first that boots it, or NULL */
const char *machine_names(void); /* "a, b, c" */
const char *machine_suggest(const char *name); /* as cli_suggest() */

/* Whether QEMU gives it ports, taps and captures; disks. And the machines of which one of these is true: "a, b, c". */
bool machine_has_network(const struct machine *machine);
bool machine_has_disks(const struct machine *machine);
const char *machine_names_with(bool (*has)(const struct machine *machine));

/* The path of the device tree of a machine that has one. */
const char *machine_device_tree(const struct machine *machine);

/* The arguments as one command line: the guest splits it as a POSIX shell splits words, each is quoted for that. */
char *machine_command_line(char *const *arguments);

/* A value in QEMU's options. */
char *machine_option_value(const char *value);

/* QEMU's options for disks, each with the serial number diskN, and for a network device: on a tap interface, or behind QEMU's
 * user networking, where the guest can connect out. `device` is its virtio device's name. */
void machine_disks(const char *device, const struct run_plan *plan, struct words *argv_out);
void machine_network(const char *device, const struct run_plan *plan, struct words *argv_out);

/* A MAC address for who is plugged in by that name: QEMU gives every guest the same one unless told another, and guests on one
 * bridge need different ones. */
char *machine_mac(const char *word);

/* The command line of QEMU as far as it says which machine it is. */
void machine_board(const struct machine *machine, const struct run_plan *plan, uint64_t memory_mib,
                   struct words *argv_out);

/* NULL when this host has what runs the machine; else what is missing and how to get it. */
const char *machine_missing(const struct machine *machine);

/* Whether machine_program() must first fetch what runs the machine, or starts a card on it. */
bool machine_is_to_fetch(const struct machine *machine, bool is_card);

/* What runs the machine: its program, or a newer one, fetched at the first time, if this host's does not know it. */
const char *machine_program(const struct machine *machine, bool is_card);

#endif

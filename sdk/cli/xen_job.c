/* SPDX-License-Identifier: ISC */
/*
 * The job of the machine `xen`: see xen_job.h. The dom0's init (toolchain/dom0) unpacks it to / and sources /job. The
 * guests' network devices are on the bridge xenbr0, which toolchain/dom0/network makes; disk N of the request is
 * /dev/fata/diskN there.
 */
#include "xen_job.h"

#include "cpio.h"
#include "files.h"
#include "package.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define BRIDGE "xenbr0"

/* Standard input to its end, when it is no terminal: a script for the dom0. */
static void read_script(struct text *script)
{
    char buffer[65536];
    ssize_t got;

    text_add(script, "");
    while ((got = read(STDIN_FILENO, buffer, sizeof buffer)) != 0) {
        if (got > 0) {
            text_add_bytes(script, buffer, (size_t)got);
        } else if (errno != EINTR) {
            cli_fail("cannot read the shell's commands from standard input: %s", strerror(errno));
        }
    }
}

static void add_file(struct text *archive, const char *path)
{
    struct text bytes = {0};
    const char *why;

    if (!file_read(path, XEN_JOB_BYTES_MAX, &bytes, &why)) {
        cli_fail("--file %s: %s", path, why);
    }
    cpio_add(archive, text_format("root/%s", strrchr(path, '/') != NULL ? strrchr(path, '/') + 1 : path), 0755,
             bytes.bytes, bytes.len);
    text_free(&bytes);
}

/* The MAC address of guest 1. The others' last byte is their number, so no two are the same on a bridge of one host's taps. */
static char *first_mac(const struct run_plan *plan)
{
    return text_format("%.14s:01", machine_mac(plan->tap != NULL ? plan->tap : ""));
}

/* The devices of guests. In QEMU's user network, the ports lead to who asks DHCP first: of several guests, the dom0 sees to
 * it that this is the first. */
static void add_devices(const struct run_request *request, struct text *job)
{
    bool asks = request->guests > 1 && request->plan.tap == NULL && !request->shell;

    if (request->plan.disks.count > 0) {
        text_add(job, "load xen_blkback\n");
    }
    if (!request->plan.no_network) {
        text_addf(job, "set -- %s\n. /bin/network\n", asks ? first_mac(&request->plan) : "");
    }
}

/* The script /job: the dom0's init sources it. */
static void add_job(const struct run_request *request, const char *name, bool on_terminal, struct text *archive)
{
    struct text job = {0}, script = {0};

    add_devices(request, &job);
    if (!request->shell) {
        text_addf(&job, "exec 4<>$console\nguests %s/%s.cfg %u\n", PACKAGE_FOLDER, name, request->guests);
    } else if (on_terminal) {
        text_addf(&job, "cd /root\nset -- %s/%s.cfg\n. /bin/shell\n", PACKAGE_FOLDER, name);
    } else {
        /* A record is a whole line, and the script's last may have no end. */
        text_add(&job, "exec 4<>$console\ncd /root\nsh /script </dev/null >&4 2>&1\nprintf '\\nfata: exit %s\\n' $? >&4\n");
        read_script(&script);
        cpio_add(archive, "script", 0644, script.bytes, script.len);
    }
    cpio_add(archive, "job", 0644, job.bytes, job.len);
    text_free(&job);
    text_free(&script);
}

void xen_job_make(const struct run_request *request, const struct image *image, const struct text *bytes,
                  bool on_terminal, struct text *archive)
{
    struct package package = {
        .name = package_name(request->image),
        .folder = PACKAGE_FOLDER,
        .image = image,
        .memory_mib = request->plan.memory_mib,
        .command_line = machine_command_line(request->plan.arguments),
        .bridge = request->plan.no_network ? NULL : BRIDGE,
        .mac = first_mac(&request->plan),
    };
    struct text config = {0};

    for (size_t i = 0; i < request->plan.disks.count; i++) {
        words_addf(&package.disks, "/dev/fata/disk%zu", i);
        package.disk_read_only[i] = request->plan.disk_read_only[i];
    }
    package_xl(&package, &config);
    cpio_add(archive, text_format("%s/%s", PACKAGE_FOLDER + 1, package.name), 0755, bytes->bytes, bytes->len);
    cpio_add(archive, text_format("%s/%s.cfg", PACKAGE_FOLDER + 1, package.name), 0644, config.bytes, config.len);
    for (size_t i = 0; i < request->files.count; i++) {
        add_file(archive, request->files.items[i]);
    }
    add_job(request, package.name, on_terminal, archive);
    cpio_end(archive);
    if (archive->len > XEN_JOB_BYTES_MAX) {
        cli_fail("the image and the files of --file are larger than %zu MiB together", XEN_JOB_BYTES_MAX >> 20);
    }
    text_free(&config);
}


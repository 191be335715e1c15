/* SPDX-License-Identifier: ISC */
/*
 * `fata package`: an image and the files by which another system starts it, in one folder to be copied there. Each form is
 * a line in the table below; what its files say is made elsewhere (package.h). People edit these files: each ends with a
 * checksum of itself, and one that does not have it is not written over.
 */
#include "package.h"

#include "board.h"
#include "cli.h"
#include "files.h"
#include "machines.h"
#include "project.h"
#include "run_options.h"

#include <errno.h>
#include <inttypes.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { OPTION_AS = 1, OPTION_BSP, OPTION_DEBUG, OPTION_IMAGE, OPTION_MEMORY, OPTION_FOLDER, OPTION_BRIDGE, OPTION_MAC, OPTION_DISK,
       OPTION_OUTPUT, OPTION_FORCE };

static const struct cli_option options[] = {
    {OPTION_AS, "--as", "FORM", "what to make, see below"},
    {OPTION_BSP, "--bsp", "B", "the board to build for (default: " BOARD_DEFAULT "); see `fata boards`"},
    {OPTION_DEBUG, "--debug", NULL, "a build for debugging (DEBUG=1)"},
    {OPTION_IMAGE, "--image", "IMAGE", "package this file and build nothing"},
    {OPTION_MEMORY, "--memory", "SIZE", "16M, 1G, or a number of MiB (default: 32M)"},
    {OPTION_FOLDER, "--folder", "FOLDER", "where the files will lie on that system (default: " PACKAGE_FOLDER ")"},
    {OPTION_BRIDGE, "--bridge", "NAME", "a network device on that system's bridge NAME, as in xenbr0"},
    {OPTION_MAC, "--mac", "ADDRESS", "its MAC address (default: the toolstack makes one)"},
    {OPTION_DISK, "--disk", "PATH[,ro]", "a disk: a block device (/dev/...) or raw image there; may be repeated"},
    {OPTION_OUTPUT, "--output", "FOLDER", "where to write them here (default: IMAGE-FORM)"},
    {OPTION_FORCE, "--force", NULL, "write over files that were changed since they were made, too"},
    {0},
};

static const char details[] =
    "Builds the project in the current folder and makes a folder with its image and what another system needs to start\n"
    "it. Arguments behind `--` become the guest's. FORM is one of:\n\n"
    "  xl       Xen, by xl: NAME.cfg; copy the folder's files to FOLDER there, then `xl create -c FOLDER/NAME.cfg`\n"
    "  libvirt  Xen, by libvirt: NAME.xml; likewise, `virsh -c xen:///system create --console FOLDER/NAME.xml`\n"
    "  dom0less Xen on ARM by itself, without a dom0: NAME.dtso, an overlay for the device tree, and NAME.cmd for\n"
    "           U-Boot; both say how they are compiled, and what else lies beside them\n\n"
    "Files that are there are written over, but not those, besides the image, that somebody has changed.\n\n"
    "Exit status: 0 made, 1 failed, 2 wrong usage.\n";

static const char name_letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";

#define FORM_FILES_MAX 2
#define OLD_BYTES_MAX ((size_t)1 << 20) /* of a file that is there; what is made is much smaller */

/* Files beside the image: NAME and `suffix`. */
struct form {
    const char *name;
    verdict_function *boots;
    const char *lacks_devices; /* why there are no disks and network devices; NULL: there may be */
    struct {
        const char *suffix;
        const char *comment, *comment_end; /* around one, a line */
        void (*make)(const struct package *package, struct text *out);
    } files[FORM_FILES_MAX];
};

static const struct form forms[] = {
    {"xl", verdict_xen_any, NULL, {{".cfg", "# ", "", package_xl}}},
    {"libvirt", verdict_xen_any, NULL, {{".xml", "<!-- ", " -->", package_libvirt}}},
    {"dom0less", verdict_xen_arm, "there is no dom0 that would have the other end of a guest's devices",
     {{".dtso", "/* ", " */", package_dom0less}, {".cmd", "# ", "", package_dom0less_script}}},
};

enum { FORM_COUNT = sizeof forms / sizeof forms[0] };

struct request {
    const struct form *form;
    const char *bsp;
    const char *image;
    const char *output;
    bool debug;
    bool force;
    char *const *arguments;
    struct package package;
};

static const struct form *find_form(const char *name)
{
    const char *names[FORM_COUNT + 1];
    struct text list = {0};

    for (size_t i = 0; i < FORM_COUNT; i++) {
        if (strcmp(forms[i].name, name) == 0) {
            return &forms[i];
        }
        names[i] = forms[i].name;
        text_addf(&list, "%s%s", i == 0 ? "" : ", ", forms[i].name);
    }
    names[FORM_COUNT] = NULL;
    cli_usage("no form `%s`%s; the forms are %s", name, cli_suggest(name, names), list.bytes);
}

const char *package_name(const char *path)
{
    const char *last = strrchr(path, '/');
    char *name = text_format("%s", last != NULL ? last + 1 : path);

    for (char *at = name; *(at += strspn(at, name_letters)) != '\0';) {
        *at = '-';
    }
    return name;
}

static const char *read_folder(const char *text)
{
    size_t len = strlen(text);

    while (len > 0 && text[len - 1] == '/') {
        len--;
    }
    if (text[0] != '/' || len == 0) {
        cli_usage("--folder %s: it must be an absolute path, and not /", text);
    }
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)text[i] < ' ') {
            cli_usage("--folder: it has the control character 0x%02x", (unsigned char)text[i]);
        }
    }
    return text_format("%.*s", (int)len, text);
}

static const char *read_bridge(const char *name)
{
    if (name[0] == '\0' || strlen(name) >= IFNAMSIZ || name[strspn(name, name_letters)] != '\0') {
        cli_usage("--bridge %s: an interface's name has 1 to %d letters, digits, '.', '_' and '-'", name, IFNAMSIZ - 1);
    }
    return name;
}

/* Of a single device: the first byte's lowest bit is for groups (IEEE 802, section 8.2). */
static const char *read_mac(const char *text)
{
    static const char digits[] = "0123456789abcdefABCDEF";
    bool valid = strlen(text) == sizeof "00:16:3e:00:00:01" - 1;

    for (size_t i = 0; text[i] != '\0' && valid; i++) {
        valid = i % 3 == 2 ? text[i] == ':' : strchr(digits, text[i]) != NULL;
    }
    if (!valid) {
        cli_usage("--mac %s: an address is six bytes in hexadecimal, as in 00:16:3e:00:00:01", text);
    }
    if (strtoul(text, NULL, 16) % 2 != 0) {
        cli_usage("--mac %s: its first byte is odd: that is the address of a group", text);
    }
    return text;
}

static void add_disk(struct package *package, const char *text)
{
    size_t len = strlen(text);
    bool read_only = len > 3 && strcmp(text + len - 3, ",ro") == 0;

    if (text[0] != '/') {
        cli_usage("--disk %s: it must be an absolute path on the system that starts the image", text);
    }
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)text[i] < ' ') {
            cli_usage("--disk: it has the control character 0x%02x", (unsigned char)text[i]);
        }
    }
    if (package->disks.count == PACKAGE_DISK_COUNT_MAX) {
        cli_usage("too many disks: at most %d", PACKAGE_DISK_COUNT_MAX);
    }
    package->disk_read_only[package->disks.count] = read_only;
    words_addf(&package->disks, "%.*s", (int)(read_only ? len - 3 : len), text);
}

static void check_devices(const struct request *request)
{
    const struct package *package = &request->package;

    if (package->mac != NULL && package->bridge == NULL) {
        cli_usage("--mac without --bridge: there is no network device that could have it");
    }
    if (request->form->lacks_devices != NULL && (package->bridge != NULL || package->disks.count > 0)) {
        cli_usage("%s: not for %s: %s", package->bridge != NULL ? "--bridge" : "--disk", request->form->name,
                  request->form->lacks_devices);
    }
}

static struct request read_options(const struct cli_command *command, int argc, char **argv)
{
    static char *no_arguments[] = {NULL};
    struct cli_walk walk = cli_walk_start(command, argc, argv);
    struct request request = {
        .bsp = BOARD_DEFAULT,
        .arguments = no_arguments,
        .package = {.memory_mib = MACHINE_MEMORY_MIB, .folder = PACKAGE_FOLDER},
    };

    for (int id; (id = cli_next(&walk)) != CLI_END;) {
        switch (id) {
        case OPTION_AS: request.form = find_form(walk.value); break;
        case OPTION_BSP: request.bsp = board_find(walk.value)->name; break;
        case OPTION_DEBUG: request.debug = true; break;
        case OPTION_IMAGE: request.image = walk.value; break;
        case OPTION_MEMORY: request.package.memory_mib = run_read_memory(walk.value); break;
        case OPTION_FOLDER: request.package.folder = read_folder(walk.value); break;
        case OPTION_BRIDGE: request.package.bridge = read_bridge(walk.value); break;
        case OPTION_MAC: request.package.mac = read_mac(walk.value); break;
        case OPTION_DISK: add_disk(&request.package, walk.value); break;
        case OPTION_OUTPUT: request.output = walk.value; break;
        case OPTION_FORCE: request.force = true; break;
        case CLI_REST:
            request.arguments = argv + walk.next;
            walk.next = walk.argc;
            break;
        default: cli_usage("unexpected argument `%s`; the guest's own arguments stand behind `--`", walk.value);
        }
    }
    if (request.form == NULL) {
        cli_usage("--as is missing: what to make; `fata package --help` names the forms");
    }
    check_devices(&request);
    return request;
}

/* The last line of file `i` of a form, behind `len` bytes: FNV-1a of them. */
static char *last_line(const struct form *form, size_t i, const char *bytes, size_t len)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    for (size_t at = 0; at < len; at++) {
        hash = (hash ^ (unsigned char)bytes[at]) * UINT64_C(0x100000001b3);
    }
    return text_format("%sfata package writes over this file while it is unchanged: %016" PRIx64 "%s\n",
                       form->files[i].comment, hash, form->files[i].comment_end);
}

static bool is_unchanged(const struct form *form, size_t i, const struct text *old)
{
    size_t start = old->len > 0 ? old->len - 1 : 0; /* of the last line */

    while (start > 0 && old->bytes[start - 1] != '\n') {
        start--;
    }
    return old->len > 0 && strlen(old->bytes) == old->len &&
           strcmp(old->bytes + start, last_line(form, i, old->bytes, start)) == 0;
}

/* Ends the program if somebody has changed a file that is to be written. */
static void keep_changed(const struct request *request, size_t i, const char *path)
{
    struct stat status;
    struct text old = {0};
    const char *why;

    if (request->force || lstat(path, &status) != 0) {
        return;
    }
    if (!file_read(path, OLD_BYTES_MAX, &old, &why) || !is_unchanged(request->form, i, &old)) {
        cli_fail("%s is there and was changed since it was made: move it away, or write over it by --force; nothing was "
                 "written", path);
    }
    text_free(&old);
}

static void write_file(const char *path, const char *bytes, size_t len, mode_t mode)
{
    FILE *file;

    (void)remove(path); /* it may be a link, or in use */
    file = fopen(path, "we");
    if (file == NULL || fwrite(bytes, 1, len, file) != len || fclose(file) != 0 || chmod(path, mode) != 0) {
        cli_fail("cannot write %s: %s", path, strerror(errno));
    }
    printf("%s\n", path);
}

static int run(const struct cli_command *command, int argc, char **argv)
{
    struct request request = read_options(command, argc, argv);
    struct package *package = &request.package;
    struct words no_targets = {0};
    struct text bytes = {0}, told[FORM_FILES_MAX] = {{0}};
    char reason[VERDICT_WHY_CAP];
    const char *why, *paths[FORM_FILES_MAX];
    struct image image;
    bool is_built = request.image == NULL;

    if (is_built) {
        project_require();
        if (!project_make(request.bsp, request.debug, true, &no_targets)) {
            cli_fail("the build for %s failed", request.bsp);
        }
        request.image = project_image(request.bsp, request.debug);
    }
    if (!file_read(request.image, IMAGE_BYTES_MAX, &bytes, &why) ||
        !image_parse(&image, (const uint8_t *)bytes.bytes, bytes.len, &why)) {
        cli_fail("cannot package %s: %s", request.image, why);
    }
    if (!request.form->boots(&image, reason)) {
        cli_fail("%s cannot be packaged for %s: %s%s", request.image, request.form->name, reason,
                 is_built && request.form->boots == verdict_xen_arm ? "; --bsp cubieboard2 builds one" : "");
    }
    if (request.form->lacks_devices == NULL && package->bridge == NULL &&
        image_has_vif((const uint8_t *)bytes.bytes, bytes.len)) {
        cli_warn("%s uses the network, and has none there without --bridge NAME", request.image);
    }
    package->name = package_name(request.image);
    package->image = &image;
    package->command_line = machine_command_line(request.arguments);
    if (request.output == NULL) {
        request.output = text_format("%s-%s", request.image, request.form->name);
    }
    for (size_t i = 0; i < FORM_FILES_MAX && request.form->files[i].make != NULL; i++) {
        paths[i] = text_format("%s/%s%s", request.output, package->name, request.form->files[i].suffix);
        request.form->files[i].make(package, &told[i]);
        text_add(&told[i], last_line(request.form, i, told[i].bytes, told[i].len));
        keep_changed(&request, i, paths[i]);
    }
    if (mkdir(request.output, 0777) != 0 && errno != EEXIST) {
        cli_fail("cannot make the folder %s: %s", request.output, strerror(errno));
    }
    write_file(text_format("%s/%s", request.output, package->name), bytes.bytes, bytes.len, 0755);
    for (size_t i = 0; i < FORM_FILES_MAX && request.form->files[i].make != NULL; i++) {
        write_file(paths[i], told[i].bytes, told[i].len, 0644);
    }
    return cli_flush() ? CLI_OK : CLI_FAILED;
}

const struct cli_command command_package = {
    .name = "package",
    .synopsis = "--as FORM [OPTIONS] [-- ARGUMENTS]",
    .summary = "Makes what another system needs to start the project's image",
    .details = details,
    .options = options,
    .usage_status = CLI_BAD_USAGE,
    .failure_status = CLI_FAILED,
    .run = run,
};

/* SPDX-License-Identifier: ISC */
/* The files by which Xen's toolstacks start a guest: xl's (xl.cfg(5)) and libvirt's (its "Domain XML format"). */
#include "package.h"

#include "cli.h"

#include <inttypes.h>
#include <stddef.h>
#include <string.h>

char *package_disk_name(size_t index)
{
    return text_format("xvd%c", (char)('a' + index));
}

/* A string of xl.cfg, in quotes, with backslashes. Escapes by numbers are documented, but Xen 4.17 refuses hexadecimal ones
 * and loses octal ones; every byte but these three may stand for itself. */
static void add_xl_quoted(struct text *out, const char *value)
{
    text_add(out, "\"");
    for (; *value != '\0'; value++) {
        if (*value == '\n') {
            text_add(out, "\\n");
        } else {
            text_add(out, *value == '"' || *value == '\\' ? "\\" : "");
            text_add_bytes(out, value, 1);
        }
    }
    text_add(out, "\"");
}

static void add_xl_string(struct text *out, const char *key, const char *value)
{
    text_addf(out, "%s = ", key);
    add_xl_quoted(out, value);
    text_add(out, "\n");
}

/* xl-network-configuration(5), xl-disk-configuration(5): behind "target=", a path may hold commas. */
static void add_xl_devices(struct text *out, const struct package *package)
{
    if (package->bridge != NULL) {
        text_addf(out, "vif = [\"bridge=%s%s%s\"]\n", package->bridge, package->mac != NULL ? ",mac=" : "",
                  package->mac != NULL ? package->mac : "");
    }
    for (size_t i = 0; i < package->disks.count; i++) {
        text_add(out, i == 0 ? "disk = [" : ", ");
        add_xl_quoted(out, text_format("format=raw,vdev=%s,access=%s,target=%s", package_disk_name(i),
                                       package->disk_read_only[i] ? "ro" : "rw", package->disks.items[i]));
    }
    text_add(out, package->disks.count > 0 ? "]\n" : "");
}

/* Our images for x86 read the time stamp counter by what Xen says of it (bsp/xen-x86_64/machine_xen.c), so Xen need not
 * emulate one that is the same on every CPU and host, which costs a trap for each reading. */
static bool is_x86(const struct package *package)
{
    return package->image->format == IMAGE_ELF;
}

void package_xl(const struct package *package, struct text *out)
{
    text_addf(out, "# %s as a guest of Xen. Start it by: xl create -c %s/%s.cfg\n", package->name, package->folder,
              package->name);
    add_xl_string(out, "name", package->name);
    add_xl_string(out, "type", "pvh");
    add_xl_string(out, "kernel", text_format("%s/%s", package->folder, package->name));
    if (package->command_line[0] != '\0') {
        add_xl_string(out, "cmdline", package->command_line);
    }
    text_addf(out, "memory = %" PRIu64 "\nvcpus = 1\n", package->memory_mib);
    if (is_x86(package)) {
        add_xl_string(out, "tsc_mode", "native");
    }
    add_xl_devices(out, package);
    add_xl_string(out, "on_poweroff", "destroy");
    add_xl_string(out, "on_reboot", "restart");
    add_xl_string(out, "on_crash", "destroy");
}

/* How many bytes the character at `at` has in UTF-8 (RFC 3629, section 4), among those that XML 1.0 has (section 2.2); 0: it
 * is none. */
static size_t character_bytes(const char *at)
{
    const unsigned char *c = (const unsigned char *)at;
    size_t len = c[0] < 0x80 ? 1 : c[0] >= 0xc2 && c[0] < 0xe0 ? 2 : c[0] >= 0xe0 && c[0] < 0xf0 ? 3
                 : c[0] >= 0xf0 && c[0] < 0xf5 ? 4 : 0;

    for (size_t i = 1; i < len; i++) {
        if ((c[i] & 0xc0) != 0x80) { /* as the end of the string is none */
            return 0;
        }
    }
    if ((c[0] == 0xe0 && c[1] < 0xa0) || (c[0] == 0xed && c[1] >= 0xa0) || (c[0] == 0xf0 && c[1] < 0x90) ||
        (c[0] == 0xf4 && c[1] >= 0x90) || (c[0] == 0xef && c[1] == 0xbf && c[2] >= 0xbe)) {
        return 0;
    }
    return len;
}

/* XML 1.0 has no other control characters than three, not even as references. */
static void add_xml(struct text *out, const char *value)
{
    for (size_t len; *value != '\0'; value += len) {
        len = character_bytes(value);
        if (len == 0) {
            cli_fail("the byte 0x%02x in `%s` is no text in UTF-8, which XML holds and libvirt reads; the forms xl and "
                     "dom0less take any bytes", (unsigned char)*value, value);
        }
        switch (*value) {
        case '&': text_add(out, "&amp;"); break;
        case '<': text_add(out, "&lt;"); break;
        case '>': text_add(out, "&gt;"); break;
        case '\'': text_add(out, "&apos;"); break;
        case '\t': case '\n': case '\r': text_addf(out, "&#%d;", *value); break;
        default:
            if ((unsigned char)*value < ' ') {
                cli_fail("the control character 0x%02x cannot stand in XML, which libvirt reads", *value);
            }
            text_add_bytes(out, value, len);
            break;
        }
    }
}

static void add_element(struct text *out, const char *indent, const char *name, const char *value)
{
    text_addf(out, "%s<%s>", indent, name);
    add_xml(out, value);
    text_addf(out, "</%s>\n", name);
}

/* For what Xen starts on ARM, libvirt has no other name than that of its oldest guests, and its schema no word for the
 * architecture, which Xen reads from the image. */
static const char *libvirt_type(const struct image *image)
{
    return image->format == IMAGE_ZIMAGE ? "<type machine='xenpv'>linux</type>"
                                         : "<type arch='x86_64' machine='xenpvh'>xenpvh</type>";
}

static void add_libvirt_devices(struct text *out, const struct package *package)
{
    text_add(out, "  <devices>\n    <console type='pty'>\n      <target type='xen' port='0'/>\n    </console>\n");
    if (package->bridge != NULL) {
        text_add(out, "    <interface type='bridge'>\n");
        if (package->mac != NULL) {
            text_addf(out, "      <mac address='%s'/>\n", package->mac);
        }
        text_addf(out, "      <source bridge='%s'/>\n    </interface>\n", package->bridge);
    }
    for (size_t i = 0; i < package->disks.count; i++) {
        bool is_device = strncmp(package->disks.items[i], "/dev/", 5) == 0;

        text_addf(out, "    <disk type='%s' device='disk'>\n      <driver name='%s'/>\n      <source %s='",
                  is_device ? "block" : "file", is_device ? "phy" : "qemu' type='raw", is_device ? "dev" : "file");
        add_xml(out, package->disks.items[i]);
        text_addf(out, "'/>\n      <target dev='%s' bus='xen'/>\n%s    </disk>\n", package_disk_name(i),
                  package->disk_read_only[i] ? "      <readonly/>\n" : "");
    }
    text_add(out, "  </devices>\n");
}

void package_libvirt(const struct package *package, struct text *out)
{
    /* A comment holds no "--", which a name may have. */
    text_add(out, "<!-- A guest of Xen. Start it by: virsh -c xen:///system create, with this file's path -->\n");
    text_add(out, "<domain type='xen'>\n");
    add_element(out, "  ", "name", package->name);
    text_addf(out, "  <memory unit='MiB'>%" PRIu64 "</memory>\n  <vcpu>1</vcpu>\n  <os>\n    %s\n", package->memory_mib,
              libvirt_type(package->image));
    add_element(out, "    ", "kernel", text_format("%s/%s", package->folder, package->name));
    if (package->command_line[0] != '\0') {
        add_element(out, "    ", "cmdline", package->command_line);
    }
    text_add(out, "  </os>\n");
    if (is_x86(package)) {
        text_add(out, "  <clock offset='utc'>\n    <timer name='tsc' mode='native'/>\n  </clock>\n");
    }
    add_element(out, "  ", "on_poweroff", "destroy");
    add_element(out, "  ", "on_reboot", "restart");
    add_element(out, "  ", "on_crash", "destroy");
    add_libvirt_devices(out, package);
    text_add(out, "</domain>\n");
}

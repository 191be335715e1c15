/* SPDX-License-Identifier: ISC */
/* The device tree. libfdt checks the header; to find a parent or the node of a phandle it would walk
 * from the root, and a walk costs it 150,000 instructions on QEMU's virt. So a tree is walked once,
 * here, when it is opened, which proves its structure and makes a table of its nodes; properties are
 * found from there. Their lengths are checked where they are used. */
#include "dt.h"
#include <fata/log.h>
#include <libfdt.h>
#include <string.h>

FA_LOG_MODULE("dt");

#define NODES_MAX 512u /* boards' trees of Linux have 100 to 300; what comes later is left alone */
#define DEPTH_MAX 16   /* what lies deeper is left alone */
#define MEMORY_NODES_MAX 8u
#define CELLS_MAX 2u /* of an address or a size that has a use here */
#define CELL_BYTES sizeof(fdt32_t)
#define RESERVATION_BYTES (2 * sizeof(fdt64_t))
#define ALIAS_BYTES 32u /* of an alias's name, which has 31 characters (2.3 of the specification) */
#define NO_NODE (-1)
#define ROOT 0
#define DT_VERSION 17u /* libfdt, as it is built here, takes every tree for one of this version */

typedef struct tree_node {
    int offset;     /* in the tree */
    int compatible; /* the offset of its property; 0: none */
    uint32_t phandle;
    int16_t parent; /* its number in the table; the root is its own */
    bool enabled;   /* it and those above it */
} tree_node;

static const void *tree; /* NULL: none */
static const fdt32_t *structure;
static tree_node nodes[NODES_MAX];
static int node_count;
static int memory_nodes[MEMORY_NODES_MAX];
static unsigned memory_node_count;
static int aliases, chosen, reserved_memory; /* NO_NODE: none */

/* Opening. */

static bool is_named(const char *name, const char *wanted)
{
    const size_t len = strlen(wanted);
    return strncmp(name, wanted, len) == 0 && (name[len] == '\0' || name[len] == '@');
}

/* The nodes below the root that everyone asks for. */
static void note_name(int number)
{
    const char *name = (const char *)(structure + (size_t)nodes[number].offset / CELL_BYTES + 1);
    if (is_named(name, "memory") && memory_node_count < MEMORY_NODES_MAX)
        memory_nodes[memory_node_count++] = number;
    else if (strcmp(name, "aliases") == 0)
        aliases = number;
    else if (strcmp(name, "chosen") == 0)
        chosen = number;
    else if (strcmp(name, "reserved-memory") == 0)
        reserved_memory = number;
}

static void note_property(tree_node *n, size_t cell, const char *name)
{
    const size_t len = fdt32_to_cpu(structure[cell + 1]);
    const void *bytes = structure + cell + 3;
    if (strcmp(name, "compatible") == 0)
        n->compatible = (int)(cell * CELL_BYTES);
    else if (strcmp(name, "phandle") == 0 && len == CELL_BYTES)
        n->phandle = fdt32_ld(bytes);
    else if (strcmp(name, "status") == 0)
        n->enabled = n->enabled && ((len == 5 && memcmp(bytes, "okay", 5) == 0) ||
                                    (len == 3 && memcmp(bytes, "ok", 3) == 0));
}

/* The number of a new node; NO_NODE: there is no room for it. */
static int add_node(int offset, int parent)
{
    if (node_count == (int)NODES_MAX || (node_count > 0 && parent == NO_NODE))
        return NO_NODE;
    const bool is_root = node_count == 0;
    nodes[node_count] = (tree_node){.offset = offset, .parent = (int16_t)(is_root ? ROOT : parent),
                               .enabled = is_root || nodes[parent].enabled};
    if (!is_root && parent == ROOT)
        note_name(node_count);
    return node_count++;
}

/* How many cells follow a tag: a node's name, or a property's head and value. False: more than there
 * are, or what is no name. The strings end with a NUL. */
static bool content_cells(size_t cell, size_t cells, size_t *count_out)
{
    const size_t left = cells - cell - 1;
    const uint32_t tag = fdt32_to_cpu(structure[cell]);
    *count_out = 0;
    if (tag == FDT_BEGIN_NODE) {
        const size_t len = strnlen((const char *)(structure + cell + 1), left * CELL_BYTES);
        *count_out = len / CELL_BYTES + 1;
    } else if (tag == FDT_PROP) {
        if (left < 2 || fdt32_to_cpu(structure[cell + 1]) > (left - 2) * CELL_BYTES ||
            fdt32_to_cpu(structure[cell + 2]) >= fdt_size_dt_strings(tree))
            return false;
        *count_out = 2 + (fdt32_to_cpu(structure[cell + 1]) + CELL_BYTES - 1) / CELL_BYTES;
    }
    return *count_out <= left;
}

/* False: the structure is damaged (Devicetree Specification 5.4). */
static bool index_nodes(void)
{
    const char *strings = (const char *)tree + fdt_off_dt_strings(tree);
    const size_t cells = fdt_size_dt_struct(tree) / CELL_BYTES;
    int way[DEPTH_MAX]; /* the nodes from the root to this one */
    int depth = 0;
    for (size_t content, cell = 0; cell < cells; cell += 1 + content) {
        const uint32_t tag = fdt32_to_cpu(structure[cell]);
        if (!content_cells(cell, cells, &content) || (cell == 0 && tag != FDT_BEGIN_NODE))
            return false;
        switch (tag) {
        case FDT_BEGIN_NODE:
            if (depth == 0 && node_count > 0)
                return false; /* a second root */
            if (depth < DEPTH_MAX)
                way[depth] = add_node((int)(cell * CELL_BYTES),
                                      depth == 0 ? NO_NODE : way[depth - 1]);
            depth++;
            break;
        case FDT_END_NODE:
            if (depth-- == 0)
                return false;
            break;
        case FDT_PROP:
            if (depth == 0)
                return false;
            if (depth <= DEPTH_MAX && way[depth - 1] != NO_NODE)
                note_property(&nodes[way[depth - 1]], cell,
                              strings + fdt32_to_cpu(structure[cell + 2]));
            break;
        case FDT_NOP:
            break;
        case FDT_END:
            return depth == 0;
        default:
            return false;
        }
    }
    return false;
}

fa_err dt_open(const void *blob, size_t cap)
{
    tree = NULL;
    node_count = 0;
    memory_node_count = 0;
    aliases = chosen = reserved_memory = NO_NODE;
    /* Some things are read as they lie: they must be aligned. */
    if (cap < sizeof(struct fdt_header) || (uintptr_t)blob % sizeof(fdt64_t) != 0 ||
        fdt_check_header(blob) != 0 || fdt_totalsize(blob) > cap ||
        fdt_version(blob) < DT_VERSION || fdt_last_comp_version(blob) > DT_VERSION ||
        fdt_off_dt_struct(blob) % CELL_BYTES != 0 ||
        fdt_off_mem_rsvmap(blob) % sizeof(fdt64_t) != 0)
        return FA_EINVAL;
    const uint8_t *bytes = blob;
    const size_t strings_end = fdt_off_dt_strings(blob) + fdt_size_dt_strings(blob);
    if (fdt_size_dt_strings(blob) > 0 && bytes[strings_end - 1] != '\0')
        return FA_EINVAL;
    structure = (const void *)(bytes + fdt_off_dt_struct(blob));
    tree = blob;
    if (!index_nodes()) {
        tree = NULL;
        node_count = 0;
        return FA_EINVAL;
    }
    if (node_count == (int)NODES_MAX)
        fa_log_warn("more than %u nodes: the rest is left alone", NODES_MAX - 1);
    return FA_OK;
}

/* Properties. */

typedef struct property {
    const uint8_t *bytes; /* NULL: none */
    size_t len;
} property;

/* What stands behind the tag at a cell. */
static property value_at(size_t cell)
{
    return (property){(const uint8_t *)(structure + cell + 3), fdt32_to_cpu(structure[cell + 1])};
}

static const char *name_of(int number)
{
    return (const char *)(structure + (size_t)nodes[number].offset / CELL_BYTES + 1);
}

/* A node's own properties stand before the nodes in it. index_nodes() has seen that the structure is
 * whole. */
static property property_of(int number, const char *name)
{
    if (tree == NULL || number < 0)
        return (property){NULL, 0};
    const char *strings = (const char *)tree + fdt_off_dt_strings(tree);
    const size_t cells = fdt_size_dt_struct(tree) / CELL_BYTES;
    size_t content, cell = (size_t)nodes[number].offset / CELL_BYTES;
    for (uint32_t tag = FDT_NOP; tag == FDT_NOP || tag == FDT_PROP;) {
        (void)content_cells(cell, cells, &content);
        cell += 1 + content;
        tag = fdt32_to_cpu(structure[cell]);
        if (tag == FDT_PROP && strcmp(strings + fdt32_to_cpu(structure[cell + 2]), name) == 0)
            return value_at(cell);
    }
    return (property){NULL, 0};
}

/* The strings of a list, one by one from NULL on; NULL: no more with its end. */
static const char *next_string(property list, const char *before)
{
    const char *next = before == NULL ? (const char *)list.bytes : before + strlen(before) + 1;
    const size_t left = list.len - (size_t)((const uint8_t *)next - list.bytes);
    return list.bytes != NULL && strnlen(next, left) < left ? next : NULL;
}

static bool u32_of(int number, const char *name, uint32_t *value_out)
{
    const property p = property_of(number, name);
    if (p.len < CELL_BYTES)
        return false;
    *value_out = fdt32_ld((const fdt32_t *)p.bytes);
    return true;
}

/* A number of `count` cells, none or up to CELLS_MAX; the caller has checked that they are there. */
static uint64_t number_at(const uint8_t *bytes, unsigned count)
{
    uint64_t n = 0;
    for (unsigned i = 0; i < count; i++)
        n = n << 32 | fdt32_ld((const fdt32_t *)(bytes + i * CELL_BYTES));
    return n;
}

uint32_t dt_u32(dt_node node, const char *name, uint32_t otherwise)
{
    uint32_t value;
    return u32_of(node.number, name, &value) ? value : otherwise;
}

const char *dt_text(dt_node node, const char *name)
{
    const property p = property_of(node.number, name);
    return p.len > 0 && p.bytes[p.len - 1] == '\0' ? (const char *)p.bytes : NULL;
}

const void *dt_bytes(dt_node node, const char *name, size_t *len_out)
{
    const property p = property_of(node.number, name);
    *len_out = p.len;
    return p.bytes;
}

bool dt_has(dt_node node, const char *name)
{
    return property_of(node.number, name).bytes != NULL;
}

bool dt_is(dt_node a, dt_node b)
{
    return a.number >= 0 && a.number == b.number;
}

/* Nodes. */

dt_node dt_child(dt_node node, unsigned index)
{
    for (int i = node.number + 1; node.number >= 0 && i < node_count; i++)
        if (nodes[i].parent == node.number && nodes[i].enabled && index-- == 0)
            return (dt_node){i};
    return (dt_node){NO_NODE};
}

static int node_of_phandle(uint32_t phandle)
{
    for (int i = 0; i < node_count && phandle != 0; i++)
        if (nodes[i].phandle == phandle)
            return i;
    return NO_NODE;
}

dt_node dt_reference(dt_node node, const char *name)
{
    return (dt_node){node_of_phandle(dt_u32(node, name, 0))};
}

/* What stands in a list of references at a place: <phandle, cells> ..., where the node that is
 * referred to says how many cells by its property `cells_name`. */
typedef struct reference {
    int number;
    const uint8_t *cells;
    unsigned cell_count;
} reference;

static bool reference_at(property list, unsigned index, const char *cells_name,
                         reference *reference_out)
{
    for (size_t at = 0; list.len - at >= CELL_BYTES;) {
        const uint32_t phandle = (uint32_t)number_at(list.bytes + at, 1);
        at += CELL_BYTES;
        reference r = {node_of_phandle(phandle), list.bytes + at, 0};
        uint32_t cell_count = 0; /* as it is for phandle 0, which holds an empty place */
        if (phandle != 0 && !u32_of(r.number, cells_name, &cell_count))
            return false;
        if (cell_count > (list.len - at) / CELL_BYTES)
            return false;
        r.cell_count = cell_count;
        at += cell_count * CELL_BYTES;
        if (index-- == 0) {
            *reference_out = r;
            return phandle != 0;
        }
    }
    return false;
}

/* Addresses. */

typedef struct shape {
    unsigned address_cells, size_cells;
} shape;

/* How addresses on a bus are written; false: not in a way that has a use here. */
static bool shape_of(int bus, shape *shape_out)
{
    uint32_t address_cells = 2, size_cells = 1; /* unless the bus says otherwise (2.3.5) */
    (void)u32_of(bus, "#address-cells", &address_cells);
    (void)u32_of(bus, "#size-cells", &size_cells);
    if (address_cells < 1 || address_cells > CELLS_MAX || size_cells > CELLS_MAX)
        return false;
    *shape_out = (shape){address_cells, size_cells};
    return true;
}

/* Takes a range from a bus to the bus above: by an entry of "ranges", <address on the bus, address
 * above, length> (Devicetree Specification 2.3.8), or as it is where "ranges" is empty. */
static bool translate(int bus, int above, dt_range *range)
{
    const property ranges = property_of(bus, "ranges");
    if (ranges.bytes == NULL || ranges.len == 0)
        return ranges.bytes != NULL;
    shape here, there;
    if (!shape_of(bus, &here) || !shape_of(above, &there))
        return false;
    const size_t target_at = here.address_cells * CELL_BYTES;
    const size_t len_at = target_at + there.address_cells * CELL_BYTES;
    const size_t entry_bytes = len_at + here.size_cells * CELL_BYTES;
    for (size_t at = 0; ranges.len - at >= entry_bytes; at += entry_bytes) {
        const uint8_t *entry = ranges.bytes + at;
        const uint64_t start = number_at(entry, here.address_cells);
        const uint64_t len = number_at(entry + len_at, here.size_cells);
        if (range->start < start || range->start - start >= len ||
            range->len > len - (range->start - start))
            continue;
        range->start = number_at(entry + target_at, there.address_cells) + (range->start - start);
        return true;
    }
    return false;
}

bool dt_reg(dt_node node, unsigned index, dt_range *range_out)
{
    const property reg = property_of(node.number, "reg");
    shape s;
    if (reg.bytes == NULL || node.number == ROOT)
        return false;
    int bus = nodes[node.number].parent;
    if (!shape_of(bus, &s))
        return false;
    const size_t len_at = s.address_cells * CELL_BYTES;
    const size_t entry_bytes = len_at + s.size_cells * CELL_BYTES;
    if (index >= reg.len / entry_bytes)
        return false;
    const uint8_t *entry = reg.bytes + index * entry_bytes;
    dt_range range = {number_at(entry, s.address_cells), number_at(entry + len_at, s.size_cells)};
    for (; bus != ROOT; bus = nodes[bus].parent)
        if (!translate(bus, nodes[bus].parent, &range))
            return false;
    if (range.len > UINT64_MAX - range.start)
        return false;
    *range_out = range;
    return true;
}

/* Interrupts and clocks. */

/* The controller of the interrupts of a node: that of interrupt-parent, its own or inherited. */
static int interrupt_parent_of(int number)
{
    uint32_t phandle;
    for (int i = number;; i = nodes[i].parent) {
        if (u32_of(i, "interrupt-parent", &phandle))
            return node_of_phandle(phandle);
        if (i == ROOT)
            return NO_NODE;
    }
}

static bool find_interrupt(dt_node node, unsigned index, reference *reference_out)
{
    const property extended = property_of(node.number, "interrupts-extended");
    if (extended.bytes != NULL)
        return reference_at(extended, index, "#interrupt-cells", reference_out);
    const property own = property_of(node.number, "interrupts");
    const int controller = own.bytes == NULL ? NO_NODE : interrupt_parent_of(node.number);
    uint32_t cell_count;
    if (!u32_of(controller, "#interrupt-cells", &cell_count) || cell_count == 0 ||
        index >= own.len / CELL_BYTES / cell_count)
        return false;
    *reference_out =
        (reference){controller, own.bytes + index * cell_count * CELL_BYTES, cell_count};
    return true;
}

bool dt_interrupt_of(dt_node node, unsigned index, dt_interrupt *interrupt_out)
{
    reference r;
    if (!find_interrupt(node, index, &r) || r.cell_count > DT_INTERRUPT_CELLS_MAX)
        return false;
    *interrupt_out = (dt_interrupt){{r.number}, r.cell_count, {0}};
    for (unsigned i = 0; i < r.cell_count; i++)
        interrupt_out->cells[i] = (uint32_t)number_at(r.cells + i * CELL_BYTES, 1);
    return true;
}

static bool is_compatible(int number, const char *wanted)
{
    const property names = property_of(number, "compatible");
    const char *name = NULL;
    while ((name = next_string(names, name)) != NULL && strcmp(name, wanted) != 0)
        continue;
    return name != NULL;
}

uint32_t dt_clock_hz(dt_node node, unsigned index)
{
    reference r;
    uint32_t hz;
    if (!reference_at(property_of(node.number, "clocks"), index, "#clock-cells", &r) ||
        !is_compatible(r.number, "fixed-clock") || !u32_of(r.number, "clock-frequency", &hz))
        return 0;
    return hz;
}

/* Memory. */

dt_node dt_find(const char *compatible)
{
    int i = 0;
    while (i < node_count && !is_compatible(i, compatible))
        i++;
    return (dt_node){i < node_count ? i : NO_NODE};
}

bool dt_memory(unsigned index, dt_range *range_out)
{
    for (unsigned i = 0; tree != NULL && i < memory_node_count; i++) {
        const dt_node node = {memory_nodes[i]};
        for (unsigned entry = 0; dt_reg(node, entry, range_out); entry++)
            if (range_out->len > 0 && index-- == 0)
                return true;
    }
    return false;
}

bool dt_reserved(unsigned index, dt_range *range_out)
{
    if (tree == NULL)
        return false;
    /* <start, length> ..., up to a length of 0 (5.3). */
    const uint8_t *at = (const uint8_t *)tree + fdt_off_mem_rsvmap(tree);
    const uint8_t *const end = (const uint8_t *)tree + fdt_totalsize(tree);
    for (; (size_t)(end - at) >= RESERVATION_BYTES; at += RESERVATION_BYTES) {
        *range_out = (dt_range){number_at(at, 2), number_at(at + RESERVATION_BYTES / 2, 2)};
        if (range_out->len == 0)
            break;
        if (index-- == 0)
            return true;
    }
    dt_node child;
    for (unsigned i = 0; (child = dt_child((dt_node){reserved_memory}, i)).number >= 0; i++)
        for (unsigned entry = 0; dt_reg(child, entry, range_out); entry++)
            if (index-- == 0)
                return true;
    return false;
}

/* What /chosen says. */

const char *dt_bootargs(void)
{
    const char *text = dt_text((dt_node){chosen}, "bootargs");
    return text != NULL ? text : "";
}

bool dt_seed(unsigned index, const void **bytes_out, size_t *len_out)
{
    static const char *const names[] = {"kaslr-seed", "rng-seed"};
    for (size_t i = 0; i < FA_ARRAY_COUNT(names); i++) {
        const property p = property_of(chosen, names[i]);
        if (p.len > 0 && index-- == 0) {
            *bytes_out = p.bytes;
            *len_out = p.len;
            return true;
        }
    }
    return false;
}

/* The node at a path, whose parts may leave out the unit address (Devicetree Specification 2.2.3). */
static int node_at(const char *path, size_t len)
{
    int found = ROOT;
    for (const char *end = path + len; path < end;) {
        const size_t part_len = strcspn(path, "/");
        const size_t this_len = part_len < (size_t)(end - path) ? part_len : (size_t)(end - path);
        const int above = found;
        for (int i = ROOT + 1; this_len > 0 && found == above; i++) {
            if (i >= node_count)
                return NO_NODE;
            const char *name = name_of(i);
            if (nodes[i].parent == above && strncmp(name, path, this_len) == 0 &&
                (name[this_len] == '\0' || name[this_len] == '@'))
                found = i;
        }
        path += this_len + 1;
    }
    return found;
}

dt_node dt_stdout(void)
{
    const char *path = dt_text((dt_node){chosen}, "stdout-path");
    if (path == NULL)
        return (dt_node){NO_NODE};
    size_t len = strcspn(path, ":");
    if (path[0] != '/') { /* an alias's name */
        char alias[ALIAS_BYTES];
        if (len >= sizeof alias)
            return (dt_node){NO_NODE};
        memcpy(alias, path, len);
        alias[len] = '\0';
        path = dt_text((dt_node){aliases}, alias);
        len = path == NULL ? 0 : strlen(path);
    }
    return (dt_node){len == 0 || path[0] != '/' ? NO_NODE : node_at(path, len)};
}

/* Probing. */

static const dt_driver *driver_of(const tree_node *n, const dt_driver *drivers, size_t count)
{
    const property names = value_at((size_t)n->compatible / CELL_BYTES);
    for (const char *name = NULL; (name = next_string(names, name)) != NULL;)
        for (size_t i = 0; i < count; i++)
            if (strcmp(name, drivers[i].compatible) == 0)
                return &drivers[i];
    return NULL;
}

static void probe(int number, const dt_driver *driver)
{
    const fa_err err = driver->probe((dt_node){number});
    if (err != FA_OK)
        fa_log_warn("%s: %s", name_of(number), fa_err_text(err));
}

void dt_probe(const dt_driver *drivers, size_t count)
{
    static struct {
        const dt_driver *driver;
        int number;
    } devices[DT_DEVICES_MAX];
    size_t device_count = 0;
    for (int i = 0; i < node_count; i++) {
        const dt_driver *driver = nodes[i].enabled && nodes[i].compatible != 0
                                      ? driver_of(&nodes[i], drivers, count)
                                      : NULL;
        if (driver == NULL)
            continue;
        if (device_count == DT_DEVICES_MAX) {
            fa_log_warn("more than %u devices: the rest is left alone", DT_DEVICES_MAX);
            break;
        }
        devices[device_count].driver = driver;
        devices[device_count++].number = i;
    }
    for (const dt_driver *driver = drivers; driver < drivers + count; driver++)
        for (size_t i = 0; i < device_count; i++)
            if (devices[i].driver == driver)
                probe(devices[i].number, driver);
}

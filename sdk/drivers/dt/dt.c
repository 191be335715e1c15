/* SPDX-License-Identifier: ISC */
/* The device tree, over libfdt, whose functions check every offset that they follow and every string
 * that they return against the tree's size; the lengths of properties are checked here.
 *
 * A tree is walked twice: when it is opened, which proves its structure and finds the nodes below
 * the root that everyone asks for, and when devices are probed. libfdt finds a node's parent and the
 * node of a phandle by walking from the root: a node therefore remembers its parent, and the last
 * phandle is remembered, since most devices have the same interrupt controller. */
#include "dt.h"
#include <fata/log.h>
#include <libfdt.h>
#include <string.h>

FA_LOG_MODULE("dt");

#define DEPTH_MAX 16 /* what lies deeper is not looked at */
#define MEMORY_NODES_MAX 8u
#define CELLS_MAX 2u /* of an address or a size that has a use here */
#define CELL_BYTES sizeof(fdt32_t)
#define NO_NODE (-1)

static const void *tree; /* NULL: none */
static int memory_nodes[MEMORY_NODES_MAX];
static unsigned memory_node_count;
static int chosen, reserved_memory; /* negative: none */
static struct {
    uint32_t phandle; /* 0: none */
    int offset;
} last_reference;

/* Opening. */

static bool is_named(const char *name, const char *wanted)
{
    const size_t len = strlen(wanted);
    return strncmp(name, wanted, len) == 0 && (name[len] == '\0' || name[len] == '@');
}

static void note_node(int offset)
{
    const char *name = fdt_get_name(tree, offset, NULL);
    if (name == NULL)
        return;
    if (is_named(name, "memory") && memory_node_count < MEMORY_NODES_MAX)
        memory_nodes[memory_node_count++] = offset;
    else if (strcmp(name, "chosen") == 0)
        chosen = offset;
    else if (strcmp(name, "reserved-memory") == 0)
        reserved_memory = offset;
}

fa_err dt_open(const void *blob, size_t cap)
{
    tree = NULL;
    if (cap < sizeof(struct fdt_header) || fdt_check_header(blob) != 0 ||
        fdt_totalsize(blob) > cap)
        return FA_EINVAL;
    /* libfdt reads these as they lie. */
    if (fdt_off_dt_struct(blob) % sizeof(fdt32_t) != 0 ||
        fdt_off_mem_rsvmap(blob) % sizeof(fdt64_t) != 0)
        return FA_EINVAL;
    tree = blob;
    memory_node_count = 0;
    chosen = reserved_memory = NO_NODE;
    last_reference.phandle = 0;
    int depth = -1;
    int offset = fdt_next_node(tree, -1, &depth);
    const bool has_root = offset == 0;
    while (offset >= 0 && depth >= 0) {
        if (depth == 1)
            note_node(offset);
        offset = fdt_next_node(tree, offset, &depth);
    }
    /* (fdt_next_tag() says FDT_END of what is no tag too, and then gives no offset.) */
    int end;
    if (!has_root || offset < 0 || fdt_next_tag(tree, offset, &end) != FDT_END || end < 0) {
        tree = NULL;
        return FA_EINVAL;
    }
    return FA_OK;
}

/* Properties. */

typedef struct property {
    const uint8_t *bytes; /* NULL: none */
    size_t len;
} property;

static property property_of(int offset, const char *name)
{
    int len = 0;
    const void *bytes =
        tree != NULL && offset >= 0 ? fdt_getprop(tree, offset, name, &len) : NULL;
    return bytes == NULL ? (property){NULL, 0} : (property){bytes, (size_t)len};
}

static const char *text_of(int offset, const char *name)
{
    const property p = property_of(offset, name);
    return p.len > 0 && p.bytes[p.len - 1] == '\0' ? (const char *)p.bytes : NULL;
}

static bool u32_of(int offset, const char *name, uint32_t *value_out)
{
    const property p = property_of(offset, name);
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
    return u32_of(node.offset, name, &value) ? value : otherwise;
}

const char *dt_text(dt_node node, const char *name)
{
    return text_of(node.offset, name);
}

bool dt_has(dt_node node, const char *name)
{
    return property_of(node.offset, name).bytes != NULL;
}

bool dt_is(dt_node a, dt_node b)
{
    return a.offset >= 0 && a.offset == b.offset;
}

/* Nodes. */

static int parent_of(dt_node node)
{
    if (tree == NULL || node.offset < 0)
        return NO_NODE;
    return node.parent >= 0 ? node.parent : fdt_parent_offset(tree, node.offset);
}

static int node_of_phandle(uint32_t phandle)
{
    if (phandle == 0)
        return NO_NODE;
    if (last_reference.phandle != phandle) {
        last_reference.phandle = phandle;
        last_reference.offset = fdt_node_offset_by_phandle(tree, phandle);
    }
    return last_reference.offset;
}

static bool is_enabled(int offset)
{
    const property status = property_of(offset, "status");
    return status.bytes == NULL || (status.len == 5 && memcmp(status.bytes, "okay", 5) == 0) ||
           (status.len == 3 && memcmp(status.bytes, "ok", 3) == 0);
}

/* What stands in a list of references at a place: <phandle, cells> ..., where the node that is
 * referred to says how many cells by its property `cells_name`. */
typedef struct reference {
    int offset;
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
        if (phandle != 0 && !u32_of(r.offset, cells_name, &cell_count))
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
    const int address_cells = fdt_address_cells(tree, bus), size_cells = fdt_size_cells(tree, bus);
    if (address_cells < 1 || address_cells > (int)CELLS_MAX || size_cells < 0 ||
        size_cells > (int)CELLS_MAX)
        return false;
    *shape_out = (shape){(unsigned)address_cells, (unsigned)size_cells};
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
    if (above < 0 || !shape_of(bus, &here) || !shape_of(above, &there))
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
    int bus = parent_of(node);
    const property reg = property_of(node.offset, "reg");
    shape s;
    if (bus < 0 || reg.bytes == NULL || !shape_of(bus, &s))
        return false;
    const size_t len_at = s.address_cells * CELL_BYTES;
    const size_t entry_bytes = len_at + s.size_cells * CELL_BYTES;
    if (index >= reg.len / entry_bytes)
        return false;
    const uint8_t *entry = reg.bytes + index * entry_bytes;
    dt_range range = {number_at(entry, s.address_cells), number_at(entry + len_at, s.size_cells)};
    while (bus != 0) {
        const int above = fdt_parent_offset(tree, bus);
        if (!translate(bus, above, &range))
            return false;
        bus = above;
    }
    if (range.len > UINT64_MAX - range.start)
        return false;
    *range_out = range;
    return true;
}

/* Interrupts and clocks. */

/* The controller of the interrupts of a node: that of interrupt-parent, its own or inherited. */
static int interrupt_parent_of(dt_node node)
{
    uint32_t phandle;
    int offset = node.offset;
    while (offset >= 0 && !u32_of(offset, "interrupt-parent", &phandle))
        offset = offset == node.offset ? parent_of(node) : fdt_parent_offset(tree, offset);
    return offset < 0 ? NO_NODE : node_of_phandle(phandle);
}

static bool find_interrupt(dt_node node, unsigned index, reference *reference_out)
{
    const property extended = property_of(node.offset, "interrupts-extended");
    if (extended.bytes != NULL)
        return reference_at(extended, index, "#interrupt-cells", reference_out);
    const property own = property_of(node.offset, "interrupts");
    const int controller = own.bytes == NULL ? NO_NODE : interrupt_parent_of(node);
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
    *interrupt_out = (dt_interrupt){{r.offset, NO_NODE}, r.cell_count, {0}};
    for (unsigned i = 0; i < r.cell_count; i++)
        interrupt_out->cells[i] = (uint32_t)number_at(r.cells + i * CELL_BYTES, 1);
    return true;
}

uint32_t dt_clock_hz(dt_node node, unsigned index)
{
    reference r;
    uint32_t hz;
    if (!reference_at(property_of(node.offset, "clocks"), index, "#clock-cells", &r) ||
        fdt_node_check_compatible(tree, r.offset, "fixed-clock") != 0 ||
        !u32_of(r.offset, "clock-frequency", &hz))
        return 0;
    return hz;
}

/* Memory. */

bool dt_memory(unsigned index, dt_range *range_out)
{
    for (unsigned i = 0; tree != NULL && i < memory_node_count; i++) {
        const dt_node node = {memory_nodes[i], 0};
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
    const int count = fdt_num_mem_rsv(tree);
    if (count > 0 && index < (unsigned)count)
        return fdt_get_mem_rsv(tree, (int)index, &range_out->start, &range_out->len) == 0;
    index -= count > 0 ? (unsigned)count : 0;
    if (reserved_memory < 0)
        return false;
    int offset;
    fdt_for_each_subnode(offset, tree, reserved_memory) {
        const dt_node node = {offset, reserved_memory};
        for (unsigned entry = 0; is_enabled(offset) && dt_reg(node, entry, range_out); entry++)
            if (index-- == 0)
                return true;
    }
    return false;
}

/* What /chosen says. */

const char *dt_bootargs(void)
{
    const char *text = text_of(chosen, "bootargs");
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

dt_node dt_stdout(void)
{
    const char *path = text_of(chosen, "stdout-path");
    if (path == NULL)
        return (dt_node){NO_NODE, NO_NODE};
    const int offset = fdt_path_offset_namelen(tree, path, (int)strcspn(path, ":"));
    return (dt_node){offset < 0 ? NO_NODE : offset, NO_NODE};
}

/* Probing. */

typedef struct device {
    const dt_driver *driver;
    dt_node node;
} device;

static const dt_driver *driver_of(int offset, const dt_driver *drivers, size_t count)
{
    const property compatible = property_of(offset, "compatible");
    for (size_t at = 0; at < compatible.len;) {
        const char *name = (const char *)compatible.bytes + at;
        const size_t len = strnlen(name, compatible.len - at);
        if (len == compatible.len - at)
            break; /* without its end */
        for (size_t i = 0; i < count; i++)
            if (strcmp(name, drivers[i].compatible) == 0)
                return &drivers[i];
        at += len + 1;
    }
    return NULL;
}

/* The enabled nodes that drivers are for, in the tree's order. */
static size_t find_devices(const dt_driver *drivers, size_t driver_count, device *devices)
{
    int way[DEPTH_MAX]; /* the nodes from the root to this one */
    size_t count = 0;
    int depth = 0;
    way[0] = 0;
    for (int offset = fdt_next_node(tree, 0, &depth); offset >= 0 && depth > 0;
         offset = fdt_next_node(tree, offset, &depth)) {
        if (depth >= DEPTH_MAX)
            continue;
        way[depth] = offset;
        const dt_driver *driver = driver_of(offset, drivers, driver_count);
        int at = depth;
        while (driver != NULL && at > 0 && is_enabled(way[at]))
            at--;
        if (driver == NULL || at > 0)
            continue;
        if (count == DT_DEVICES_MAX) {
            fa_log_warn("more than %u devices: the rest is left alone", DT_DEVICES_MAX);
            break;
        }
        devices[count++] = (device){driver, {offset, way[depth - 1]}};
    }
    return count;
}

void dt_probe(const dt_driver *drivers, size_t count)
{
    static device devices[DT_DEVICES_MAX];
    const size_t device_count = tree == NULL ? 0 : find_devices(drivers, count, devices);
    for (size_t driver = 0; driver < count; driver++)
        for (size_t i = 0; i < device_count; i++) {
            if (devices[i].driver != &drivers[driver])
                continue;
            const fa_err err = drivers[driver].probe(devices[i].node);
            if (err != FA_OK)
                fa_log_warn("%s: %s", fdt_get_name(tree, devices[i].node.offset, NULL),
                            fa_err_text(err));
        }
}

/* SPDX-License-Identifier: ISC */
/* Where virtio devices are: see virtio.h. */
#include "virtio.h"
#include "../../sdk/cpu/x86_64/traps.h"
#include "../../sdk/drivers/pc/ioapic.h"
#include "../../sdk/drivers/pc/lapic.h"
#include "pvh.h"
#include <stdlib.h>
#include <string.h>

#define MMIO_NAME "virtio_mmio.device="
#define IOAPIC_LINES 24u
/* Vectors of messages, two a device, are those of the I/O APIC's last lines, which PCI would use: a
 * machine has devices of one kind only. */
#define MESSAGE_LINE_FIRST 14u
#define MESSAGE_VECTOR_FIRST (IOAPIC_VECTOR_FIRST + MESSAGE_LINE_FIRST)
#define MESSAGE_DEVICES_MAX ((X86_VECTOR_SPURIOUS - MESSAGE_VECTOR_FIRST) / VIRTIO_PCI_VECTORS)

static pci_device message_devices[MESSAGE_DEVICES_MAX];
static unsigned message_device_count;
static bool has_last_lines;

typedef struct mmio_word {
    uint64_t address;
    unsigned line;
} mmio_word;

/* Reads "SIZE@ADDRESS:LINE"; false: it is not that. */
static bool parse(const char *text, mmio_word *word_out)
{
    char *end;
    const char *at = strchr(text, '@');
    if (at == NULL)
        return false;
    word_out->address = strtoull(at + 1, &end, 0);
    if (end == at + 1 || *end != ':')
        return false;
    word_out->line = (unsigned)strtoul(end + 1, NULL, 0);
    return word_out->address < X86_RAM_END_MAX;
}

/* The word number `index` of those that name a device; false: no more. */
static bool find_word(unsigned index, mmio_word *word_out)
{
    const size_t name_len = sizeof MMIO_NAME - 1;
    const char *const end = pvh_command_line + sizeof pvh_command_line - 1;
    for (const char *word = pvh_command_line; word < end; word += strlen(word) + 1)
        if (strncmp(word, MMIO_NAME, name_len) == 0 && parse(word + name_len, word_out) &&
            index-- == 0)
            return true;
    return false;
}

static fa_err open_line(unsigned line, const virtio_handlers *handlers)
{
    if (line >= IOAPIC_LINES)
        return FA_EINVAL;
    if (line >= MESSAGE_LINE_FIRST && message_device_count > 0)
        return FA_ELIMIT;
    has_last_lines = has_last_lines || line >= MESSAGE_LINE_FIRST;
    const fa_err err = ioapic_open_line(line, lapic_id());
    if (err == FA_OK)
        x86_traps_handle(IOAPIC_VECTOR_FIRST + line, handlers->interrupt, handlers->arg);
    return err;
}

/* Looks for device number `*left` among those by memory, counting it down. FA_ENOENT: it is not there. */
static fa_err try_mmio(uint32_t kind, unsigned *left, const virtio_handlers *handlers,
                       virtio_place *place_out)
{
    mmio_word word;
    for (unsigned i = 0; find_word(i, &word); i++) {
        volatile void *registers;
        const fa_err err =
            x86_mmu_map_device((x86_phys){word.address}, VIRTIO_MMIO_BYTES, &registers);
        if (err != FA_OK)
            return err;
        virtio_mmio found;
        if (virtio_mmio_init(&found, registers) != FA_OK || found.device.id != kind)
            continue;
        if ((*left)-- > 0)
            continue;
        place_out->mmio = found;
        return open_line(word.line, handlers);
    }
    return FA_ENOENT;
}

/* The first of a device's two vectors, the same each time. */
static fa_err vectors_of(pci_device device, uint8_t vectors_out[VIRTIO_PCI_VECTORS])
{
    unsigned index = 0;
    while (index < message_device_count && message_devices[index].address != device.address)
        index++;
    if (index == MESSAGE_DEVICES_MAX || has_last_lines)
        return FA_ELIMIT;
    if (index == message_device_count)
        message_devices[message_device_count++] = device;
    for (unsigned i = 0; i < VIRTIO_PCI_VECTORS; i++)
        vectors_out[i] = (uint8_t)(MESSAGE_VECTOR_FIRST + VIRTIO_PCI_VECTORS * index + i);
    return FA_OK;
}

static fa_err open_pci(pci_device found, const virtio_handlers *handlers, virtio_place *place_out)
{
    uint8_t vectors[VIRTIO_PCI_VECTORS];
    fa_err err = vectors_of(found, vectors);
    if (err == FA_OK)
        err = virtio_pci_init(&place_out->pci, found, vectors, lapic_id());
    if (err != FA_OK)
        return err;
    x86_traps_handle(vectors[0], handlers->interrupt, handlers->arg);
    x86_traps_handle(vectors[1], handlers->config_interrupt, handlers->arg);
    return FA_OK;
}

static fa_err try_pci(uint32_t kind, unsigned left, const virtio_handlers *handlers,
                      virtio_place *place_out)
{
    pci_device found;
    for (bool more = pci_find(VIRTIO_PCI_VENDOR, NULL, &found); more;
         more = pci_find(VIRTIO_PCI_VENDOR, &found, &found))
        if (virtio_pci_id(found) == kind && left-- == 0)
            return open_pci(found, handlers, place_out);
    return FA_ENOENT;
}

fa_err virtio_find(uint32_t kind, unsigned number, const virtio_handlers *handlers,
                   virtio_place *place_out, virtio_device **device_out)
{
    *device_out = &place_out->mmio.device;
    fa_err err = try_mmio(kind, &number, handlers, place_out);
    if (err == FA_ENOENT) {
        *device_out = &place_out->pci.device;
        err = try_pci(kind, number, handlers, place_out);
    }
    return err;
}

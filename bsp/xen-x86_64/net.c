/* SPDX-License-Identifier: ISC */
/* The machine's network devices, for programs that use the network: virtio's, whose registers the
 * monitor names on the command line (`virtio_mmio.device=4K@0xd0000000:5`: bytes, address, line of
 * the I/O APIC), then those on PCI. */
#include "../../sdk/cpu/x86_64/traps.h"
#include "../../sdk/drivers/pc/ioapic.h"
#include "../../sdk/drivers/pc/lapic.h"
#include "../../sdk/drivers/virtio/virtio_mmio.h"
#include "../../sdk/drivers/virtio/virtio_net.h"
#include "../../sdk/drivers/virtio/virtio_pci.h"
#include "../plat.h"
#include "pvh.h"
#include <fata/log.h>
#include <stdlib.h>
#include <string.h>

FA_LOG_MODULE("net");

#define NETIFS_MAX 4u
#define MMIO_NAME "virtio_mmio.device="
#define IOAPIC_LINES 24u
/* Vectors of messages: behind those of the I/O APIC, two a device. */
#define MESSAGE_VECTOR_FIRST (IOAPIC_VECTOR_FIRST + IOAPIC_LINES)
#define MESSAGES_MAX 3u
_Static_assert(MESSAGE_VECTOR_FIRST + VIRTIO_PCI_VECTORS * MESSAGES_MAX <= X86_VECTOR_SPURIOUS,
               "a vector for each message");

static struct {
    virtio_mmio mmio;
    virtio_pci pci;
    virtio_net net;
} netifs[NETIFS_MAX];

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

/* The interrupt first: its line goes up with the first packet, and of a rise before that nobody
 * would know. */
static fa_err open_mmio(unsigned number, const mmio_word *word, fa_packet_pool *pool)
{
    virtio_net *net = &netifs[number].net;
    if (word->line >= IOAPIC_LINES)
        return FA_EINVAL;
    const fa_err err = ioapic_open_line(word->line, lapic_id());
    if (err != FA_OK)
        return err;
    x86_traps_handle(IOAPIC_VECTOR_FIRST + word->line, virtio_net_interrupt, net);
    return virtio_net_open(net, &netifs[number].mmio.device, pool);
}

/* Looks for network device number `*left` among those by memory, counting it down. FA_ENOENT: it is
 * not there. */
static fa_err try_mmio(unsigned number, unsigned *left, fa_packet_pool *pool)
{
    mmio_word word;
    for (unsigned i = 0; find_word(i, &word); i++) {
        volatile void *registers;
        const fa_err err =
            x86_mmu_map_device((x86_phys){word.address}, VIRTIO_MMIO_BYTES, &registers);
        if (err != FA_OK)
            return err;
        virtio_mmio found;
        if (virtio_mmio_init(&found, registers) != FA_OK || found.device.id != VIRTIO_ID_NET)
            continue;
        if ((*left)-- > 0)
            continue;
        if (netifs[number].net.device != NULL)
            return FA_EBUSY;
        netifs[number].mmio = found;
        return open_mmio(number, &word, pool);
    }
    return FA_ENOENT;
}

static fa_err open_pci(unsigned number, unsigned message, pci_device found, fa_packet_pool *pool)
{
    virtio_net *net = &netifs[number].net;
    const unsigned first = MESSAGE_VECTOR_FIRST + VIRTIO_PCI_VECTORS * message;
    const uint8_t vectors[VIRTIO_PCI_VECTORS] = {(uint8_t)first, (uint8_t)(first + 1)};
    fa_err err = virtio_pci_init(&netifs[number].pci, found, vectors, lapic_id());
    if (err == FA_OK)
        err = virtio_net_open(net, &netifs[number].pci.device, pool);
    if (err != FA_OK)
        return err;
    x86_traps_handle(vectors[0], virtio_net_interrupt, net);
    x86_traps_handle(vectors[1], virtio_net_config_interrupt, net);
    return FA_OK;
}

static fa_err try_pci(unsigned number, unsigned left, fa_packet_pool *pool)
{
    pci_device found;
    unsigned message = 0;
    for (bool more = pci_find(VIRTIO_PCI_VENDOR, NULL, &found); more;
         more = pci_find(VIRTIO_PCI_VENDOR, &found, &found)) {
        if (virtio_pci_id(found) != VIRTIO_ID_NET)
            continue;
        if (message == left && netifs[number].net.device != NULL)
            return FA_EBUSY;
        if (message == left)
            return message < MESSAGES_MAX ? open_pci(number, message, found, pool) : FA_ELIMIT;
        message++;
    }
    return FA_ENOENT;
}

fa_err plat_netif_open(unsigned number, fa_packet_pool *pool, fa_netif **netif_out)
{
    if (number >= NETIFS_MAX)
        return FA_ENOENT;
    unsigned left = number;
    fa_err err = try_mmio(number, &left, pool);
    if (err == FA_ENOENT)
        err = try_pci(number, left, pool);
    if (err == FA_OK)
        *netif_out = &netifs[number].net.netif;
    else if (err != FA_ENOENT)
        fa_log_error("network device %u: %s", number, fa_err_text(err));
    return err;
}

fa_err plat_net_host(struct fa_net **net_out)
{
    (void)net_out;
    return FA_ENOTSUP;
}

/* SPDX-License-Identifier: ISC */
/* Finds the registers of soft-off and reset: root pointer, RSDT or XSDT, FADT, and in the DSDT the
 * package \_S5, whose first element is what to write (its AML is looked for, not interpreted). */
#include "acpi.h"
#include <fata/bytes.h>
#include <string.h>

#define TABLE_HEADER_BYTES 36u
#define TABLE_BYTES_MAX ((size_t)1 << 20)
#define BIOS_START UINT64_C(0xe0000)
#define BIOS_END UINT64_C(0x100000)
#define RSDP_STEP 16u
/* Offsets in the FADT (ACPI 6.5, table 5.9). */
#define FADT_DSDT 40u
#define FADT_PM1A_CNT 64u
#define FADT_FLAGS 112u
#define FADT_RESET_REG 116u
#define FADT_RESET_VALUE 128u
#define FADT_X_DSDT 140u
#define FADT_SLEEP_CONTROL 244u
#define FLAG_RESET_REG (UINT32_C(1) << 10)
#define FLAG_HW_REDUCED (UINT32_C(1) << 20)
#define SPACE_IO 1u
#define SLEEP_ENABLE_PM1 (1u << 13)
#define SLEEP_ENABLE_REDUCED (1u << 5)

typedef struct table {
    const uint8_t *bytes; /* NULL: none */
    size_t len;
} table;

static const uint8_t *map(uint64_t address, size_t len)
{
    volatile void *bytes;
    if (address == 0 || address >= X86_RAM_END_MAX ||
        x86_mmu_map_device((x86_phys){address}, len, &bytes) != FA_OK)
        return NULL;
    return (const uint8_t *)(uintptr_t)bytes;
}

/* A little-endian number of 1 to 8 bytes; 0 where the table is too short. */
static uint64_t number_at(table t, size_t offset, size_t len)
{
    uint64_t n = 0;
    if (offset > t.len || len > t.len - offset)
        return 0;
    for (size_t i = len; i-- > 0;)
        n = n << 8 | t.bytes[offset + i];
    return n;
}

static table table_at(uint64_t address)
{
    table t = {map(address, TABLE_HEADER_BYTES), TABLE_HEADER_BYTES};
    if (t.bytes == NULL)
        return (table){NULL, 0};
    t.len = number_at(t, 4, 4);
    if (t.len < TABLE_HEADER_BYTES || t.len > TABLE_BYTES_MAX || map(address, t.len) == NULL)
        return (table){NULL, 0};
    return t;
}

static table find_rsdp(x86_phys known)
{
    if (known.address != 0)
        return (table){map(known.address, TABLE_HEADER_BYTES), TABLE_HEADER_BYTES};
    const uint8_t *bios = map(BIOS_START, BIOS_END - BIOS_START);
    for (size_t at = 0; bios != NULL && at < BIOS_END - BIOS_START - TABLE_HEADER_BYTES;
         at += RSDP_STEP)
        if (memcmp(bios + at, "RSD PTR ", 8) == 0)
            return (table){bios + at, TABLE_HEADER_BYTES};
    return (table){NULL, 0};
}

static table find_fadt(table rsdp)
{
    const bool extended = number_at(rsdp, 15, 1) >= 2 && number_at(rsdp, 24, 8) != 0;
    const size_t entry_bytes = extended ? 8 : 4;
    const table root = table_at(extended ? number_at(rsdp, 24, 8) : number_at(rsdp, 16, 4));
    for (size_t at = TABLE_HEADER_BYTES; at + entry_bytes <= root.len; at += entry_bytes) {
        const table found = table_at(number_at(root, at, entry_bytes));
        if (found.bytes != NULL && memcmp(found.bytes, "FACP", 4) == 0)
            return found;
    }
    return (table){NULL, 0};
}

/* The first element of the package \_S5; -1: there is none. AML: NameOp "_S5_" PackageOp PkgLength
 * NumElements, then a BytePrefix and a byte, or the constants zero and one. */
static int sleep_type_s5(table dsdt)
{
    for (size_t at = TABLE_HEADER_BYTES; at + 12 < dsdt.len; at++) {
        if (memcmp(dsdt.bytes + at, "_S5_\x12", 5) != 0)
            continue;
        const size_t length_bytes = 1 + (dsdt.bytes[at + 5] >> 6);
        const size_t element = at + 5 + length_bytes + 1;
        const uint64_t first = number_at(dsdt, element, 1);
        return (int)(first == 0x0a ? number_at(dsdt, element + 1, 1) : first) & 7;
    }
    return -1;
}

acpi_power acpi_find_power(x86_phys rsdp_address)
{
    acpi_power power = {{ACPI_NONE, 0, 0}, {ACPI_NONE, 0, 0}};
    const table rsdp = find_rsdp(rsdp_address);
    const table fadt = rsdp.bytes == NULL ? rsdp : find_fadt(rsdp);
    if (fadt.bytes == NULL)
        return power;
    const uint64_t flags = number_at(fadt, FADT_FLAGS, 4);
    if ((flags & FLAG_RESET_REG) && number_at(fadt, FADT_RESET_REG, 1) == SPACE_IO)
        power.reset = (acpi_write){ACPI_PORT_8, (uint16_t)number_at(fadt, FADT_RESET_REG + 4, 8),
                                   (uint16_t)number_at(fadt, FADT_RESET_VALUE, 1)};
    const uint64_t dsdt_32 = number_at(fadt, FADT_DSDT, 4);
    const table dsdt = table_at(dsdt_32 != 0 ? dsdt_32 : number_at(fadt, FADT_X_DSDT, 8));
    const int type = dsdt.bytes == NULL ? -1 : sleep_type_s5(dsdt);
    if (type < 0)
        return power;
    if (flags & FLAG_HW_REDUCED) {
        if (number_at(fadt, FADT_SLEEP_CONTROL, 1) == SPACE_IO)
            power.soft_off =
                (acpi_write){ACPI_PORT_8, (uint16_t)number_at(fadt, FADT_SLEEP_CONTROL + 4, 8),
                             (uint16_t)((unsigned)type << 2 | SLEEP_ENABLE_REDUCED)};
    } else {
        power.soft_off = (acpi_write){ACPI_PORT_16, (uint16_t)number_at(fadt, FADT_PM1A_CNT, 4),
                                      (uint16_t)((unsigned)type << 10 | SLEEP_ENABLE_PM1)};
    }
    return power;
}

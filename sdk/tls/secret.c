/* SPDX-License-Identifier: ISC */
/* Memory for private keys: see secret.h. A region is what a fiber's stack would be, since the machine maps
 * those with guard pages; in it lie blocks one behind the other, each with a head that says how long it is.
 * There are few, so that the first that fits is found by walking. */
#include "secret.h"
#include "../../bsp/plat.h"
#include <mbedtls/platform.h>
#include <mbedtls/platform_util.h>
#include <stdlib.h>
#include <string.h>

#define REGION_BYTES ((size_t)12 * FA_KIB) /* a slot of 16 KiB with its guard; a key of RSA 4096 needs 5 */
#define ALIGN_BYTES ((size_t)16)

typedef struct block {
    _Alignas(16) size_t bytes; /* with this head */
    bool used;
} block;

typedef struct region {
    _Alignas(16) struct region *next;
    plat_stack pages;
} region;

static region *regions;
static bool on;
static void (*step_before)(void);

static block *first_of(region *r)
{
    return (block *)(void *)(r->pages.base + sizeof(region));
}

static block *after(block *b)
{
    return (block *)(void *)((uint8_t *)b + b->bytes);
}

static bool is_end(const region *r, const block *b)
{
    return (const uint8_t *)b == r->pages.base + r->pages.size_bytes;
}

static region *region_of(const void *address)
{
    region *r = regions;
    while (r != NULL && ((const uint8_t *)address < r->pages.base ||
                         (const uint8_t *)address >= r->pages.base + r->pages.size_bytes))
        r = r->next;
    return r;
}

static region *add_region(void)
{
    plat_stack pages;
    if (plat_stack_alloc(REGION_BYTES, &pages) != FA_OK)
        return NULL;
    plat_stack_keep_out(pages);
    memset(pages.base, 0, pages.size_bytes);
    region *r = (region *)(void *)pages.base;
    *r = (region){regions, pages};
    regions = r;
    *first_of(r) = (block){pages.size_bytes - sizeof(region), false};
    return r;
}

static void drop_region(region *r)
{
    region **link = &regions;
    while (*link != r)
        link = &(*link)->next;
    *link = r->next;
    const plat_stack pages = r->pages;
    mbedtls_platform_zeroize(pages.base, pages.size_bytes);
    plat_stack_free(pages);
}

/* Free neighbours become one. */
static void join(region *r)
{
    for (block *b = first_of(r); !is_end(r, b); b = after(b))
        while (!b->used && !is_end(r, after(b)) && !after(b)->used)
            b->bytes += after(b)->bytes;
}

static void *take(region *r, size_t bytes)
{
    for (block *b = first_of(r); !is_end(r, b); b = after(b)) {
        if (b->used || b->bytes < bytes)
            continue;
        if (b->bytes - bytes > sizeof(block)) {
            const size_t left = b->bytes - bytes;
            b->bytes = bytes;
            *after(b) = (block){left, false};
        }
        b->used = true;
        memset(b + 1, 0, b->bytes - sizeof(block));
        return b + 1;
    }
    return NULL;
}

static void *secret_calloc(size_t count, size_t size)
{
    if (!on)
        return calloc(count, size);
    if (size != 0 && count > REGION_BYTES / size)
        return NULL;
    const size_t bytes = sizeof(block) + (count * size + ALIGN_BYTES - 1) / ALIGN_BYTES * ALIGN_BYTES;
    void *memory = NULL;
    for (region *r = regions; r != NULL && memory == NULL; r = r->next)
        memory = take(r, bytes);
    if (memory == NULL) {
        region *r = add_region();
        memory = r == NULL ? NULL : take(r, bytes);
    }
    return memory;
}

static void secret_free(void *memory)
{
    region *r = memory == NULL ? NULL : region_of(memory);
    if (r == NULL) {
        free(memory);
        return;
    }
    block *b = (block *)memory - 1;
    mbedtls_platform_zeroize(memory, b->bytes - sizeof(block));
    b->used = false;
    join(r);
    if (!on && !first_of(r)->used && is_end(r, after(first_of(r))))
        drop_region(r);
}

fa_err fa_tls_secret_begin(void)
{
    if (regions == NULL && add_region() == NULL)
        return FA_ENOMEM;
    (void)mbedtls_platform_set_calloc_free(secret_calloc, secret_free); /* which always succeeds */
    step_before = mbedtls_fata_step;
    mbedtls_fata_step = NULL;
    on = true;
    return FA_OK;
}

void fa_tls_secret_end(void)
{
    on = false;
    mbedtls_fata_step = step_before;
}

bool fa_tls_secret_holds(const void *address)
{
    return region_of(address) != NULL;
}

size_t fa_tls_secret_used_bytes(void)
{
    size_t bytes = 0;
    for (region *r = regions; r != NULL; r = r->next)
        for (block *b = first_of(r); !is_end(r, b); b = after(b))
            bytes += b->used ? b->bytes : 0;
    return bytes;
}

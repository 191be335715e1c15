/* SPDX-License-Identifier: ISC */
/* malloc and its kin over the bounded heap, which takes its spans from the machine's pages. All of
 * them stand in this one file, so that none of libc's own comes into an image. */
#include "../core/heap.h"
#include "../core/pages.h"
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

static fa_heap heap;

static void *take_pages(void *source, size_t len)
{
    return fa_pages_alloc(source, len / FA_PAGE_BYTES);
}

static void give_pages(void *source, void *span, size_t len)
{
    fa_pages_free(source, span, len / FA_PAGE_BYTES);
}

static void *allocate(size_t len, size_t align)
{
    if (heap.take == NULL)
        fa_heap_init(&heap, take_pages, give_pages, &fa_ram);
    void *memory = fa_heap_alloc(&heap, len, align);
    if (memory == NULL)
        errno = ENOMEM;
    return memory;
}

void *malloc(size_t len)
{
    return allocate(len, 0);
}

void free(void *memory)
{
    fa_heap_free(&heap, memory);
}

void *calloc(size_t count, size_t each)
{
    if (each != 0 && count > SIZE_MAX / each) {
        errno = ENOMEM;
        return NULL;
    }
    void *memory = allocate(count * each, 0);
    return memory == NULL ? NULL : memset(memory, 0, count * each);
}

void *realloc(void *memory, size_t len)
{
    if (memory == NULL)
        return allocate(len, 0);
    void *moved = fa_heap_resize(&heap, memory, len);
    if (moved == NULL)
        errno = ENOMEM;
    return moved;
}

void *memalign(size_t align, size_t len)
{
    if (align == 0 || (align & (align - 1)) != 0) {
        errno = EINVAL;
        return NULL;
    }
    return allocate(len, align);
}

void *aligned_alloc(size_t align, size_t len)
{
    return memalign(align, len);
}

int posix_memalign(void **memory_out, size_t align, size_t len)
{
    if (align < sizeof(void *) || (align & (align - 1)) != 0)
        return EINVAL;
    void *memory = allocate(len, align);
    if (memory == NULL)
        return ENOMEM;
    *memory_out = memory;
    return 0;
}

size_t malloc_usable_size(void *memory)
{
    return fa_heap_usable(memory);
}

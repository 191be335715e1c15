/* SPDX-License-Identifier: ISC */
/* Data through the ring of a block device (Xen's public header io/blkif.h). A request of the block
 * layer is a job, cut into as many requests on the ring as it takes; jobs wait in a row until there
 * is room. A job is there until all of it has been answered, and its memory was never the back end's:
 * if that goes, the job is done again with the next one. */
#include "../../core/pages.h"
#include "../../cpu/dma.h"
#include "blkfront_data.h"
#include "grants.h"
#include <fata/panic.h>

_Static_assert(BLKFRONT_SEGMENTS_MAX * sizeof(blkif_segment) <= XEN_PAGE_BYTES, "one page lists them");

static xen_blkfront *blk_of(fa_blockdev *device)
{
    return (xen_blkfront *)(void *)device; /* its first member */
}

/* Pages. */

/* The back end has let go of it. */
static void page_ended(void *arg)
{
    blkfront_page *page = arg;
    xen_blkfront *blk = page->blk;
    fa_pages_free(&fa_ram, page->bytes, 1);
    if (--blk->kept_count > 0 || !blk->awaits_pages)
        return;
    blk->awaits_pages = false;
    xen_bus_look_again(&blk->bus);
}

static void abandon(blkfront_page *page)
{
    page->blk->kept_count++;
    xen_grant_abandon(page->ref, page_ended, page);
}

static fa_err grant(xen_blkfront *blk, blkfront_page *page, void *bytes)
{
    fa_cpu_phys phys;
    fa_err err = fa_cpu_dma_address(bytes, XEN_PAGE_BYTES, &phys);
    if (err == FA_OK)
        err = xen_grant_reserve(&page->ref);
    if (err != FA_OK)
        return err;
    page->blk = blk;
    page->bytes = bytes;
    xen_grant_give(page->ref, blk->bus.backend_domain, (plat_dma_addr){phys.address}, true);
    return FA_OK;
}

/* One that is free, or a new one; BLKFRONT_NONE: there is none now. */
static uint16_t take_page(xen_blkfront *blk)
{
    uint16_t number = blk->first_free_page;
    if (number != BLKFRONT_NONE) {
        blk->first_free_page = blk->pages[number].next;
        return number;
    }
    number = (uint16_t)blk->page_count;
    void *bytes = number < blk->pages_max ? fa_pages_alloc(&fa_ram, 1) : NULL;
    if (bytes == NULL)
        return BLKFRONT_NONE;
    memset(bytes, 0, XEN_PAGE_BYTES); /* the back end sees all of it */
    if (grant(blk, &blk->pages[number], bytes) != FA_OK) {
        fa_pages_free(&fa_ram, bytes, 1);
        return BLKFRONT_NONE;
    }
    blk->page_count++;
    return number;
}

static void give_back_page(xen_blkfront *blk, uint16_t number)
{
    blk->pages[number].next = blk->first_free_page;
    blk->first_free_page = number;
}

/* Jobs. */

static void add_job(xen_blkfront *blk, blkfront_job *job)
{
    job->next = NULL;
    if (blk->first == NULL)
        blk->first = job;
    else
        blk->last->next = job;
    blk->last = job;
}

static void remove_job(xen_blkfront *blk, const blkfront_job *job)
{
    blkfront_job *before = NULL;
    for (blkfront_job *other = blk->first; other != job; other = other->next)
        before = other;
    if (before == NULL)
        blk->first = job->next;
    else
        before->next = job->next;
    if (blk->last == job)
        blk->last = before;
}

static void free_job(xen_blkfront *blk, blkfront_job *job)
{
    *job = (blkfront_job){.next = blk->free_jobs};
    blk->free_jobs = job;
}

static void complete(xen_blkfront *blk, blkfront_job *job, fa_err err)
{
    fa_block_request *request = job->request;
    free_job(blk, job);
    request->err = err;
    request->done(request);
}

/* From the beginning, all of them. */
static void reset_jobs(xen_blkfront *blk)
{
    blk->first = blk->last = NULL;
    for (unsigned i = 0; i < BLKFRONT_JOBS_MAX; i++) {
        blkfront_job *job = &blk->jobs[i];
        if (job->request == NULL)
            continue;
        *job = (blkfront_job){.request = job->request};
        add_job(blk, job);
    }
}

void xen_blkfront_init(xen_blkfront *blk)
{
    for (unsigned i = BLKFRONT_JOBS_MAX; i-- > 0;)
        free_job(blk, &blk->jobs[i]);
}

/* The ring. */

static void happened(void *arg)
{
    xen_blkfront_wake(arg);
}

fa_err xen_blkfront_ring_open(xen_blkfront *blk, unsigned page_count)
{
    uint8_t *pages = fa_pages_alloc(&fa_ram, page_count);
    fa_err err = FA_OK;
    if (pages == NULL)
        return FA_ENOMEM;
    memset(pages, 0, page_count * XEN_PAGE_BYTES);
    for (unsigned i = 0; i < page_count; i++) {
        if (err == FA_OK)
            err = grant(blk, &blk->ring_pages[i], pages + i * XEN_PAGE_BYTES);
        if (err == FA_OK)
            blk->ring_page_count++;
        else
            fa_pages_free(&fa_ram, pages + i * XEN_PAGE_BYTES, 1);
    }
    const size_t share = fa_ram.total_count / BLKFRONT_PAGES_SHARE;
    blk->pages_max = share < BLKFRONT_PAGES_MAX ? (unsigned)share : BLKFRONT_PAGES_MAX;
    blk->event = (xen_event){.happened = happened, .arg = blk};
    if (err == FA_OK)
        err = xen_event_alloc(&blk->event, blk->bus.backend_domain);
    if (err != FA_OK) {
        xen_blkfront_ring_close(blk);
        return err;
    }
    xen_ring_open(&blk->ring, pages, page_count, sizeof(blkif_request));
    blk->first_free_page = blk->first_free_slot = BLKFRONT_NONE;
    for (uint16_t i = (uint16_t)blk->ring.place_count; i-- > 0;) {
        blk->slots[i] = (blkfront_slot){.next_free = blk->first_free_slot};
        blk->first_free_slot = i;
    }
    return FA_OK;
}

void xen_blkfront_ring_close(xen_blkfront *blk)
{
    const unsigned ring_page_count = blk->ring_page_count, page_count = blk->page_count;
    blk->ring_page_count = blk->page_count = blk->out_count = 0;
    blk->ring = (xen_ring){0};
    xen_event_close(&blk->event);
    for (unsigned i = 0; i < ring_page_count; i++)
        abandon(&blk->ring_pages[i]);
    for (unsigned i = 0; i < page_count; i++)
        abandon(&blk->pages[i]);
    reset_jobs(blk);
}

/* Posting. */

/* Copies the next bytes of a request to or from a page; NULL: goes past them. */
static void copy(const fa_block_request *request, blkfront_place *at, uint8_t *page, uint32_t len)
{
    while (len > 0) {
        const fa_block_part *part = &request->parts[at->part];
        const uint32_t left = part->len - at->offset;
        const uint32_t step = len < left ? len : left;
        uint8_t *bytes = part->bytes + at->offset;
        if (page != NULL) {
            memcpy(request->kind == FA_BLOCK_READ ? bytes : page,
                   request->kind == FA_BLOCK_READ ? page : bytes, step);
            page += step;
        }
        at->offset += step;
        len -= step;
        if (at->offset == part->len)
            *at = (blkfront_place){at->part + 1, 0};
    }
}

static uint32_t page_step(uint32_t left)
{
    return left < XEN_PAGE_BYTES ? left : (uint32_t)XEN_PAGE_BYTES;
}

/* Pages for what comes next of a job, with what is written in them; how many bytes. */
static uint32_t fill(xen_blkfront *blk, const blkfront_job *job, blkfront_slot *slot,
                     blkif_segment *segments, unsigned segments_max, unsigned *count_out)
{
    const fa_block_request *request = job->request;
    uint32_t left = request->count * blk->device.sector_bytes - job->posted_bytes;
    uint16_t *link = &slot->first_data, number;
    blkfront_place at = job->at;
    unsigned count = 0;
    for (; left > 0 && count < segments_max; count++) {
        number = take_page(blk);
        if (number == BLKFRONT_NONE)
            break;
        blkfront_page *page = &blk->pages[number];
        const uint32_t step = page_step(left);
        if (request->kind == FA_BLOCK_WRITE)
            copy(request, &at, page->bytes, step);
        segments[count] =
            (blkif_segment){.ref = page->ref, .last = (uint8_t)(step / BLKIF_UNIT_BYTES - 1)};
        *link = number;
        link = &page->next;
        left -= step;
        slot->len += step;
    }
    *link = BLKFRONT_NONE;
    *count_out = count;
    return slot->len;
}

static uint64_t units_of(const xen_blkfront *blk, uint64_t sectors)
{
    return sectors * (blk->device.sector_bytes / BLKIF_UNIT_BYTES);
}

static uint64_t next_unit(const xen_blkfront *blk, const blkfront_job *job)
{
    return units_of(blk, job->request->sector) + job->posted_bytes / BLKIF_UNIT_BYTES;
}

/* With its list in a page of its own. False: there are no pages for both. */
static bool write_indirect(xen_blkfront *blk, const blkfront_job *job, blkif_indirect *indirect,
                           blkfront_slot *slot)
{
    unsigned count;
    slot->first_list = take_page(blk);
    if (slot->first_list == BLKFRONT_NONE)
        return false;
    const blkfront_page *list = &blk->pages[slot->first_list];
    if (fill(blk, job, slot, (void *)list->bytes, blk->segments_max, &count) == 0) {
        give_back_page(blk, slot->first_list);
        slot->first_list = BLKFRONT_NONE;
        return false;
    }
    indirect->indirect_operation = indirect->operation;
    indirect->operation = BLKIF_INDIRECT;
    indirect->segment_count = (uint16_t)count;
    indirect->unit = next_unit(blk, job);
    indirect->handle = blk->handle;
    indirect->refs[0] = list->ref;
    return true;
}

/* Writes the next request of a job that reads or writes; false: there are no pages for it. */
static bool write_data(xen_blkfront *blk, const blkfront_job *job, uint16_t number, void *place)
{
    blkfront_slot *slot = &blk->slots[number];
    const uint8_t operation = job->request->kind == FA_BLOCK_READ ? BLKIF_READ : BLKIF_WRITE;
    const uint32_t left = job->request->count * blk->device.sector_bytes - job->posted_bytes;
    if (left > BLKIF_SEGMENTS_MAX * XEN_PAGE_BYTES && blk->segments_max > BLKIF_SEGMENTS_MAX) {
        blkif_indirect indirect = {.operation = operation, .id = number};
        if (write_indirect(blk, job, &indirect, slot)) {
            memcpy(place, &indirect, sizeof indirect);
            return true;
        }
    }
    blkif_request own = {.operation = operation,
                         .handle = blk->handle,
                         .id = number,
                         .unit = next_unit(blk, job)};
    unsigned count;
    if (fill(blk, job, slot, own.segments, BLKIF_SEGMENTS_MAX, &count) == 0)
        return false;
    own.segment_count = (uint8_t)count;
    memcpy(place, &own, sizeof own);
    return true;
}

/* The granules that lie within; false: there are none, and nothing is to be done. */
static bool write_discard(const xen_blkfront *blk, const fa_block_request *request, uint16_t number,
                          void *place)
{
    const uint64_t rest = blk->granule_units - 1, at = blk->granule_at;
    const uint64_t start = units_of(blk, request->sector);
    const uint64_t end = start + units_of(blk, request->count);
    const uint64_t before = (at - start) & rest, behind = (end - at) & rest;
    if (before + behind >= end - start)
        return false;
    const uint64_t first = start + before, last = end - behind;
    const blkif_discard discard = {.operation = BLKIF_DISCARD,
                                   .handle = blk->handle,
                                   .id = number,
                                   .unit = first,
                                   .unit_count = last - first};
    memcpy(place, &discard, sizeof discard);
    return true;
}

/* Whether a job can be done at all; it may be one that an earlier back end took, and this one not. */
static fa_err check(const xen_blkfront *blk, const fa_block_request *request)
{
    const fa_blockdev *device = &blk->device;
    const bool writes = request->kind == FA_BLOCK_WRITE || request->kind == FA_BLOCK_DISCARD;
    if (request->kind == FA_BLOCK_FLUSH)
        return device->has_cache ? FA_OK : FA_EIO;
    if (writes && device->read_only)
        return FA_EPERM;
    if (request->sector > device->sector_count ||
        request->count > device->sector_count - request->sector)
        return FA_ERANGE;
    return request->kind == FA_BLOCK_DISCARD && device->discard_sectors_max == 0 ? FA_ENOTSUP : FA_OK;
}

/* Writes what comes next of a job, and counts it; false: there are no pages. */
static bool write_next(xen_blkfront *blk, blkfront_job *job, uint16_t number)
{
    const fa_block_request *request = job->request;
    blkfront_slot *slot = &blk->slots[number];
    void *place = xen_ring_place(&blk->ring, blk->ring.produced);
    *slot = (blkfront_slot){.job = job,
                            .first_list = BLKFRONT_NONE,
                            .first_data = BLKFRONT_NONE,
                            .next_free = slot->next_free,
                            .at = job->at};
    if (request->kind == FA_BLOCK_FLUSH) {
        const blkif_request flush = {.operation = BLKIF_FLUSH, .handle = blk->handle, .id = number};
        memcpy(place, &flush, sizeof flush);
        job->is_posted = true;
    } else if (request->kind == FA_BLOCK_DISCARD) {
        job->is_posted = true;
        if (!write_discard(blk, request, number, place)) {
            slot->job = NULL;
            return true;
        }
    } else {
        if (!write_data(blk, job, number, place)) {
            slot->job = NULL;
            return false;
        }
        copy(request, &job->at, NULL, slot->len);
        job->posted_bytes += slot->len;
        job->is_posted = job->posted_bytes == request->count * blk->device.sector_bytes;
    }
    blk->first_free_slot = slot->next_free;
    blk->ring.produced++;
    blk->out_count++;
    job->out++;
    return true;
}

/* The next request of the first job; false: there is no room for it. */
static bool post(xen_blkfront *blk)
{
    blkfront_job *job = blk->first;
    job->err = check(blk, job->request);
    if (job->err != FA_OK) {
        job->is_posted = true;
    } else {
        if (xen_ring_room(&blk->ring) == 0)
            return false;
        const bool has_pages = write_next(blk, job, blk->first_free_slot);
        if (!has_pages && blk->out_count > 0)
            return false;
        if (!has_pages) { /* and none will come back */
            job->err = FA_ENOMEM;
            job->is_posted = true;
        }
    }
    if (!job->is_posted)
        return true;
    remove_job(blk, job);
    if (job->out == 0)
        complete(blk, job, job->err);
    return true;
}

void xen_blkfront_pump(xen_blkfront *blk)
{
    if (!blk->is_live)
        return;
    while (blk->first != NULL && post(blk))
        ;
    if (blk->ring.produced != blk->ring.pushed && xen_ring_push(&blk->ring))
        xen_event_notify(&blk->event);
}

fa_err xen_blkfront_submit(fa_blockdev *device, fa_block_request *request)
{
    xen_blkfront *blk = blk_of(device);
    if (device->is_stopped)
        return FA_EIO;
    if (!device->is_present)
        return FA_ECLOSED;
    blkfront_job *job = blk->free_jobs;
    if (job == NULL)
        return FA_EAGAIN;
    blk->free_jobs = job->next;
    *job = (blkfront_job){.request = request};
    add_job(blk, job);
    xen_blkfront_pump(blk);
    return FA_OK;
}

bool xen_blkfront_recall(fa_blockdev *device, fa_block_request *request)
{
    xen_blkfront *blk = blk_of(device);
    for (unsigned i = 0; i < BLKFRONT_JOBS_MAX; i++) {
        blkfront_job *job = &blk->jobs[i];
        if (job->request != request || job->out > 0)
            continue;
        remove_job(blk, job);
        free_job(blk, job);
        return true;
    }
    return false;
}

/* Answers. */

/* All jobs fail. */
static void stop(xen_blkfront *blk, const char *why)
{
    blk->device.is_stopped = true;
    blk->is_live = false;
    xen_blkfront_ring_close(blk);
    while (blk->first != NULL) {
        blkfront_job *job = blk->first;
        remove_job(blk, job);
        complete(blk, job, FA_EIO);
    }
    xen_bus_fail(&blk->bus, why);
}

void xen_blkfront_stop(fa_blockdev *device)
{
    stop(blk_of(device), "has not answered a request");
}

/* The back end is done with the request of a slot. */
static void finish(xen_blkfront *blk, uint16_t number, fa_err err)
{
    blkfront_slot *slot = &blk->slots[number];
    blkfront_job *job = slot->job;
    blkfront_place at = slot->at;
    for (uint16_t i = slot->first_data, next; i != BLKFRONT_NONE; i = next) {
        const blkfront_page *page = &blk->pages[i];
        const uint32_t step = page_step(slot->len);
        next = page->next;
        if (job->request->kind == FA_BLOCK_READ && err == FA_OK)
            copy(job->request, &at, page->bytes, step);
        slot->len -= step;
        give_back_page(blk, i);
    }
    if (slot->first_list != BLKFRONT_NONE)
        give_back_page(blk, slot->first_list);
    slot->job = NULL;
    slot->next_free = blk->first_free_slot;
    blk->first_free_slot = number;
    blk->out_count--;
    job->out--;
    if (err != FA_OK)
        job->err = err;
    if (err != FA_OK && !job->is_posted) { /* the others of its requests need not be made */
        remove_job(blk, job);
        job->is_posted = true;
    }
    if (job->is_posted && job->out == 0)
        complete(blk, job, job->err);
}

/* What is wrong with it, or NULL. */
static const char *take_answer(xen_blkfront *blk, const blkif_answer *answer)
{
    if (answer->id >= blk->ring.place_count || blk->slots[answer->id].job == NULL)
        return "answers a request that was not made";
    if (answer->status > BLKIF_OKAY || answer->status < BLKIF_NOT_SUPPORTED)
        return "answers with a status that there is not";
    const uint16_t number = (uint16_t)answer->id;
    const bool discards = blk->slots[number].job->request->kind == FA_BLOCK_DISCARD;
    finish(blk, number,
           answer->status == BLKIF_OKAY                          ? FA_OK
           : answer->status == BLKIF_NOT_SUPPORTED && discards ? FA_ENOTSUP
                                                                 : FA_EIO);
    return NULL;
}

void xen_blkfront_poll(fa_blockdev *device)
{
    xen_blkfront *blk = blk_of(device);
    xen_ring *ring = &blk->ring;
    const char *wrong = NULL;
    blk->has_news = false;
    if (!blk->is_live)
        return;
    for (uint32_t left = xen_ring_answers(ring); left > 0 && wrong == NULL; left--) {
        blkif_answer answer;
        xen_ring_read(ring, ring->consumed++, &answer, sizeof answer);
        wrong = take_answer(blk, &answer);
    }
    if (ring->is_broken)
        wrong = "has answered more than was asked";
    if (wrong != NULL)
        stop(blk, wrong);
    else
        xen_blkfront_pump(blk);
}

/* Waking. */

void xen_blkfront_wake(xen_blkfront *blk)
{
    if (!blk->is_armed)
        return;
    blk->is_armed = false;
    blk->device.wake(blk->device.wake_arg);
}

bool xen_blkfront_arm(fa_blockdev *device)
{
    xen_blkfront *blk = blk_of(device);
    bool news = blk->has_news;
    if (blk->is_live)
        news = xen_ring_arm(&blk->ring, 1) || blk->ring.is_broken || news;
    blk->is_armed = !news;
    return news;
}

/* SPDX-License-Identifier: ISC */
/* Fuzzes Xenstore's client with what the other side writes. The input is a row of steps: a byte that
 * says what is done, and how many of the bytes behind it come next on the ring; or, of some steps,
 * what the other side's indices become. */
#include "../../sdk/drivers/xen/xenstore_ring.h"
#include "require.h"
#include <fata/bytes.h>
#include <string.h>

#define CALLS 8u

static xen_store_ring ring;
static xen_store_page page;
static xen_store_call *calls[CALLS];
static unsigned call_count;

static void check_calls(void)
{
    for (unsigned i = 0; i < call_count; i++) {
        require(calls[i]->is_done || !ring.is_broken);
        if (calls[i]->is_done && calls[i]->err == FA_OK)
            require(calls[i]->reply_len <= XEN_STORE_PAYLOAD_MAX &&
                    calls[i]->reply[calls[i]->reply_len] == '\0');
    }
}

static void begin(uint32_t type)
{
    static const xen_store_part path = {"path", 5};
    if (call_count < CALLS &&
        xen_store_ring_begin(&ring, type % 20, type % 3, &path, 1, &calls[call_count]) == FA_OK)
        call_count++;
}

static void put(const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len && page.reply_prod - page.reply_cons < XEN_STORE_RING_BYTES; i++)
        page.replies[page.reply_prod++ % XEN_STORE_RING_BYTES] = bytes[i];
}

static void step(fa_reader *input, xen_store_watch *watch)
{
    const uint8_t what = fa_read_u8(input);
    const size_t len = what / 8;
    xen_store_call *call;
    switch (what % 8) {
    case 0:
        begin((uint32_t)len);
        break;
    case 1:
        if (call_count > 0)
            xen_store_ring_end(calls[--call_count]);
        break;
    case 2:
        xen_store_ring_unwatch(&ring, watch);
        if (xen_store_ring_watch(&ring, watch, &call) == FA_OK)
            xen_store_ring_end(call);
        break;
    case 3:
        page.request_cons = len < 16 ? page.request_prod : fa_read_le32(input);
        break;
    case 4:
        if (len == 7)
            page.reply_prod += fa_read_le16(input);
        else if (len == 9)
            xen_store_ring_open(&ring, &page);
        break;
    default:
        put(input->next, len < input->left_bytes ? len : input->left_bytes);
        (void)fa_read_bytes(input, len);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    xen_store_watch watch = {.path = "watched"};
    fa_reader input = fa_reader_of(bytes, len);
    memset(&ring, 0, sizeof ring);
    memset(&page, 0, sizeof page);
    call_count = 0;
    xen_store_ring_open(&ring, &page);
    while (!input.failed && input.left_bytes > 0) {
        step(&input, &watch);
        (void)!xen_store_ring_run(&ring);
        check_calls();
    }
    while (call_count > 0)
        xen_store_ring_end(calls[--call_count]);
    xen_store_ring_unwatch(&ring, &watch);
    page.reply_prod = page.reply_cons + 2 * XEN_STORE_RING_BYTES;
    (void)!xen_store_ring_run(&ring);
    require(ring.calls == NULL && ring.call_count == 0 && ring.watches == NULL);
    return 0;
}

/* SPDX-License-Identifier: ISC */
/* Fuzzes the reader of JSON: what is taken is walked through as a whole; each value lies within its parent and is valid
 * by itself, and texts are as long as they say. */
#include "../../sdk/acme/json.h"
#include "require.h"
#include <string.h>

static void walk(fa_json value, unsigned depth)
{
    fa_json again, inner;
    char text[64];
    require(depth <= FA_JSON_DEPTH_MAX);
    require(fa_json_parse(value.bytes, value.len, &again) == FA_OK && again.bytes == value.bytes && again.len == value.len);
    if (fa_json_text(value, text, sizeof text) == FA_OK)
        require(value.bytes[0] == '"' && strlen(text) < sizeof text);
    size_t at = 0, before = 0;
    while (fa_json_next(value, &at, &inner)) {
        require(inner.bytes > value.bytes && inner.bytes + inner.len < value.bytes + value.len && at > before);
        before = at;
        walk(inner, depth + 1);
    }
    static const char *const names[] = {"a", "url", "type", ""};
    for (size_t i = 0; i < FA_ARRAY_COUNT(names); i++)
        if (fa_json_member(value, names[i], &inner)) {
            require(inner.bytes > value.bytes && inner.bytes + inner.len < value.bytes + value.len);
            walk(inner, depth + 1);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    fa_json value;
    char *exact = malloc(len + (len == 0));
    require(exact != NULL);
    if (len > 0)
        memcpy(exact, bytes, len);
    if (len <= 1024 && fa_json_parse(exact, len, &value) == FA_OK) /* walks of a walk take their time */
        walk(value, 0);
    free(exact);
    return 0;
}

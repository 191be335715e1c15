/* SPDX-License-Identifier: ISC */
/* Addresses as text, and the boot parameters of the network. */
#include "../../sdk/net/settings.h"
#include "../../sdk/core/pages.h"
#include "../../sdk/core/param.h"
#include "host.h"
#include "test.h"

static void addresses(void **state)
{
    (void)state;
    fa_ip4 address;
    assert_int_equal(fa_ip4_parse("0.9.10.255", &address), FA_OK);
    assert_memory_equal(address.byte, ((uint8_t[]){0, 9, 10, 255}), 4);
    const char *wrong[] = {"",        "1",        "1.2.3",    "1.2.3.",    "1.2.3.4.",  "1.2.3.4.5",
                           "1.2.3.4 ", " 1.2.3.4", "1.2.3.256", "1.2.3.0400", "1.2.3.04", "1..3.4",
                           "-1.2.3.4", "1.2.3.+4", "1.2.3.4a",  "a.2.3.4",    "1,2,3,4",  "1.2.3.00"};
    for (size_t i = 0; i < FA_ARRAY_COUNT(wrong); i++)
        if (fa_ip4_parse(wrong[i], &address) != FA_EFORMAT)
            fail_msg("'%s' is an address", wrong[i]);
    assert_int_equal(address.byte[3], 255); /* written on FA_OK only */
}

static void endpoints(void **state)
{
    (void)state;
    char text[FA_ENDPOINT_TEXT_BYTES];
    const fa_endpoint longest = {{{255, 255, 255, 255}}, 65535};
    assert_string_equal(fa_endpoint_text(longest, text), "255.255.255.255:65535");
    assert_string_equal(fa_endpoint_text((fa_endpoint){{{10, 0, 0, 1}}, 7}, text), "10.0.0.1:7");
}

static char message[FA_PARAMS_MESSAGE_BYTES];

static fa_params_result parse(const char *word)
{
    size_t count;
    const fa_param *const *params = fa_params(&count);
    char *argv[] = {(char *)(uintptr_t)"program", (char *)(uintptr_t)word, NULL};
    int argc = 2;
    message[0] = '\0';
    return fa_params_parse(params, count, &argc, argv, message);
}

static void good(const char *word)
{
    if (parse(word) != FA_PARAMS_OK)
        fail_msg("%s: refused: %s", word, message);
}

static void bad(const char *word)
{
    if (parse(word) != FA_PARAMS_BAD || strstr(message, "neither an address") == NULL)
        fail_msg("%s: taken, or: %s", word, message);
}

static fa_net_settings settings(void)
{
    fa_net_settings now;
    fa_net_settings_get(&now);
    return now;
}

static void by_dhcp(void **state)
{
    (void)state;
    assert_memory_equal(settings().address.byte, ((uint8_t[]){0, 0, 0, 0}), 4);
    assert_memory_equal(settings().dns.byte, ((uint8_t[]){0, 0, 0, 0}), 4);
    host_console_clear();
    good("--gateway=10.0.0.1");
    assert_memory_equal(settings().gateway.byte, ((uint8_t[]){0, 0, 0, 0}), 4);
    assert_non_null(strstr(host_console, "go with --ip"));
}

static void by_hand(void **state)
{
    (void)state;
    good("--ip=10.1.2.3/12");
    good("--gateway=10.0.0.1");
    good("--dns=10.0.0.53");
    const fa_net_settings now = settings();
    assert_memory_equal(now.address.byte, ((uint8_t[]){10, 1, 2, 3}), 4);
    assert_memory_equal(now.netmask.byte, ((uint8_t[]){255, 240, 0, 0}), 4);
    assert_memory_equal(now.gateway.byte, ((uint8_t[]){10, 0, 0, 1}), 4);
    assert_memory_equal(now.dns.byte, ((uint8_t[]){10, 0, 0, 53}), 4);
    good("--ip=223.255.255.1/32");
    assert_memory_equal(settings().netmask.byte, ((uint8_t[]){255, 255, 255, 255}), 4);
    good("--ip=1.0.0.1/1");
    assert_memory_equal(settings().netmask.byte, ((uint8_t[]){128, 0, 0, 0}), 4);
    good("--ip=dhcp");
    good("--gateway=none");
    good("--dns=none");
}

static void refused(void **state)
{
    (void)state;
    const char *wrong[] = {"",         "DHCP",        "10.0.0.1",    "10.0.0.1/",   "10.0.0.1/0",
                           "10.0.0.1/33", "10.0.0.1/-1", "10.0.0.1/+8", "10.0.0.1/8x", "10.0.0.1/ 8",
                           "/8",       "10.0.0/8",    "127.0.0.1/8", "0.0.0.1/8",   "224.0.0.1/8",
                           "255.255.255.2555/8"};
    for (size_t i = 0; i < FA_ARRAY_COUNT(wrong); i++) {
        char word[64] = "--ip=";
        bad(strcat(word, wrong[i]));
    }
    bad("--gateway=10.0.0.1/8");
    bad("--dns=example.org");
}

static void memory(void **state)
{
    (void)state;
    fa_ram.free_count = 0; /* a process */
    assert_int_equal(settings().memory_bytes, 16 * FA_MIB);
    fa_ram.free_count = 2 * FA_MIB / FA_PAGE_BYTES;
    assert_int_equal(settings().memory_bytes, 512 * FA_KIB);
    fa_ram.free_count = 32 * FA_MIB / FA_PAGE_BYTES;
    assert_int_equal(settings().memory_bytes, 4 * FA_MIB);
    fa_ram.free_count = 1024 * FA_MIB / FA_PAGE_BYTES;
    assert_int_equal(settings().memory_bytes, 16 * FA_MIB);
    good("--net-memory=1");
    assert_int_equal(settings().memory_bytes, 256 * FA_KIB);
    good("--net-memory=64M");
    assert_int_equal(settings().memory_bytes, 64 * FA_MIB);
    assert_int_equal(parse("--net-memory=2G"), FA_PARAMS_BAD);
    good("--net-memory=0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses), cmocka_unit_test(endpoints), cmocka_unit_test(by_dhcp),
        cmocka_unit_test(by_hand),   cmocka_unit_test(refused),   cmocka_unit_test(memory),
    };
    return cmocka_run_group_tests_name("settings", tests, NULL, NULL);
}

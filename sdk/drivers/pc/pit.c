/* SPDX-License-Identifier: ISC */
/* Channel 2 of the 8254 counts down from 65536 with its output (the speaker) off. */
#include "pit.h"
#include "../../cpu/x86_64/cpu.h"

#define PORT_CHANNEL_2 0x42u
#define PORT_COMMAND 0x43u
#define PORT_CONTROL_B 0x61u
#define GATE_2 0x01u
#define SPEAKER 0x02u
#define COMMAND_CHANNEL_2_MODE_2 0xb4u /* both bytes, rate generator */
#define COMMAND_LATCH_2 0x80u

void pit_start(void)
{
    x86_out8(PORT_CONTROL_B, (uint8_t)((x86_in8(PORT_CONTROL_B) & ~SPEAKER) | GATE_2));
    x86_out8(PORT_COMMAND, COMMAND_CHANNEL_2_MODE_2);
    x86_out8(PORT_CHANNEL_2, 0);
    x86_out8(PORT_CHANNEL_2, 0);
}

uint16_t pit_elapsed(void)
{
    x86_out8(PORT_COMMAND, COMMAND_LATCH_2);
    const unsigned low = x86_in8(PORT_CHANNEL_2);
    const unsigned high = x86_in8(PORT_CHANNEL_2);
    return (uint16_t)-(high << 8 | low);
}

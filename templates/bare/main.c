/* SPDX-License-Identifier: ISC */
/* The smallest program: an ordinary main. */
#include <stdio.h>

int main(void)
{
    puts("It runs.");
    return 0;
}

/* SPDX-License-Identifier: ISC */
/* Reading the console for stdin and read(): line ends and the end of the input. May suspend the calling
 * fiber, as its callers do. */
#include "input.h"
#include "../fiber/console.h"
#include <errno.h>
#include <string.h>

#define EOT '\x04'

static bool ended; /* an EOT was read: the input has ended for good */

ssize_t fa_posix_read_console(char *bytes_out, size_t cap)
{
    if (ended)
        return 0;
    size_t len;
    const fa_err err = fa_console_read(bytes_out, cap, &len, FA_FOREVER);
    if (err == FA_ECLOSED)
        return 0;
    if (err != FA_OK) {
        errno = err == FA_ECANCELED ? EINTR : EIO;
        return -1;
    }
    const char *const eot = memchr(bytes_out, EOT, len);
    if (eot != NULL) {
        len = (size_t)(eot - bytes_out); /* what was typed behind it is lost */
        ended = true;
    }
    for (char *cr = bytes_out; (cr = memchr(cr, '\r', len - (size_t)(cr - bytes_out))) != NULL;)
        *cr = '\n';
    return (ssize_t)len;
}

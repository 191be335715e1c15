/* SPDX-License-Identifier: ISC */
/* Serial ports, by termios: see serial.h. */
#include "serial.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

static const struct {
    unsigned long speed;
    speed_t code;
} speeds[] = {{1200, B1200},     {2400, B2400},     {4800, B4800},     {9600, B9600},       {19200, B19200},     {38400, B38400},
              {57600, B57600},   {115200, B115200}, {230400, B230400}, {460800, B460800},   {500000, B500000},   {921600, B921600},
              {1000000, B1000000}, {1500000, B1500000}, {2000000, B2000000}, {3000000, B3000000}, {4000000, B4000000}};

static bool find_speed(unsigned long speed, speed_t *code_out)
{
    for (size_t i = 0; i < sizeof speeds / sizeof speeds[0]; i++) {
        if (speeds[i].speed == speed) {
            *code_out = speeds[i].code;
            return true;
        }
    }
    return false;
}

bool serial_has_speed(unsigned long speed)
{
    speed_t code;

    return find_speed(speed, &code);
}

static int fail(int port, int error)
{
    (void)close(port);
    errno = error;
    return -1;
}

static int open_socket(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int port;

    if (strlen(path) >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(address.sun_path, path, strlen(path));
    port = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (port >= 0 && connect(port, (const struct sockaddr *)&address, sizeof address) != 0) {
        return fail(port, errno);
    }
    return port;
}

int serial_open(const char *path, unsigned long speed)
{
    struct termios settings;
    struct stat status;
    speed_t code = B115200;
    int port;

    if (stat(path, &status) == 0 && S_ISSOCK(status.st_mode)) {
        return open_socket(path);
    }
    port = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (port < 0) {
        return -1;
    }
    if (tcgetattr(port, &settings) != 0) {
        return fail(port, errno == EIO ? EIO : ENOTTY);
    }
    /* The lock is for root, whom TIOCEXCL does not stop. */
    if (flock(port, LOCK_EX | LOCK_NB) != 0 || ioctl(port, TIOCEXCL) != 0) {
        return fail(port, errno == EWOULDBLOCK ? EBUSY : errno);
    }
    (void)find_speed(speed, &code);
    cfmakeraw(&settings);
    settings.c_cflag &= (tcflag_t) ~(CSTOPB | PARENB | CRTSCTS | HUPCL);
    settings.c_cflag |= CLOCAL | CREAD;
    settings.c_cc[VMIN] = 1;
    settings.c_cc[VTIME] = 0;
    if (cfsetspeed(&settings, code) != 0 || tcsetattr(port, TCSANOW, &settings) != 0) {
        return fail(port, errno);
    }
    return port;
}

void serial_adapters(const char *root, struct words *paths_out)
{
    static const char *const patterns[] = {"ttyUSB*", "ttyACM*"};

    for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
        char *pattern = text_format("%s/dev/%s", root, patterns[i]);
        glob_t found;

        if (glob(pattern, 0, NULL, &found) == 0) {
            for (size_t j = 0; j < found.gl_pathc; j++) {
                words_add(paths_out, found.gl_pathv[j]);
            }
            globfree(&found);
        }
        free(pattern);
    }
}

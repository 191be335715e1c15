/* SPDX-License-Identifier: ISC */
/* The clocks as POSIX has them, over those of the API. nanosleep() and its kin suspend the calling
 * fiber; a canceled one gets EINTR. */
#include <errno.h>
#include <fata/clock.h>
#include <fata/fiber.h>
#include <sys/time.h>
#include <sys/times.h>
#include <time.h>
#include <unistd.h>

static struct timespec timespec_of(uint64_t ns)
{
    return (struct timespec){(time_t)(ns / FA_NS_PER_S), (long)(ns % FA_NS_PER_S)};
}

int clock_gettime(clockid_t clock, struct timespec *now_out)
{
    if (clock != CLOCK_MONOTONIC && clock != CLOCK_REALTIME) {
        errno = EINVAL;
        return -1;
    }
    *now_out = timespec_of(clock == CLOCK_MONOTONIC ? fa_clock_mono_ns() : fa_clock_wall_ns());
    return 0;
}

int gettimeofday(struct timeval *restrict now_out, void *restrict zone)
{
    (void)zone;
    const uint64_t ns = fa_clock_wall_ns();
    now_out->tv_sec = (time_t)(ns / FA_NS_PER_S);
    now_out->tv_usec = (suseconds_t)(ns % FA_NS_PER_S / FA_NS_PER_US);
    return 0;
}

/* The time that the program ran, all of it its own: it has the machine for itself. */
clock_t times(struct tms *times_out)
{
    const clock_t ran = (clock_t)(fa_clock_mono_ns() / (FA_NS_PER_S / CLOCKS_PER_SEC));
    *times_out = (struct tms){.tms_utime = ran};
    return ran;
}

int nanosleep(const struct timespec *span, struct timespec *left_out)
{
    if (span->tv_sec < 0 || span->tv_nsec < 0 || span->tv_nsec >= (long)FA_NS_PER_S) {
        errno = EINVAL;
        return -1;
    }
    const uint64_t seconds = (uint64_t)span->tv_sec;
    const fa_deadline until = seconds > UINT64_MAX / FA_NS_PER_S - 1
                                  ? FA_FOREVER
                                  : fa_after_ns(seconds * FA_NS_PER_S + (uint64_t)span->tv_nsec);
    if (fa_sleep(until) == FA_OK)
        return 0;
    if (left_out != NULL) {
        const uint64_t now = fa_clock_mono_ns();
        *left_out = timespec_of(until > now ? until - now : 0);
    }
    errno = EINTR;
    return -1;
}

unsigned sleep(unsigned seconds)
{
    struct timespec left = {(time_t)seconds, 0};
    return nanosleep(&left, &left) == 0 ? 0 : (unsigned)left.tv_sec + (left.tv_nsec > 0);
}

int usleep(useconds_t us)
{
    return nanosleep(&(struct timespec){(time_t)(us / 1000000), (long)(us % 1000000) * 1000}, NULL);
}

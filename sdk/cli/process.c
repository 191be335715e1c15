/* SPDX-License-Identifier: ISC */
/* Child processes: see process.h. */
#include "process.h"

#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int64_t now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* In the child: what the tool blocked or ignored for itself must not reach the program. */
static _Noreturn void become(const struct process_plan *plan, pid_t parent)
{
    sigset_t none;

    (void)prctl(PR_SET_PDEATHSIG, plan->death_signal);
    if (getppid() != parent) {
        _exit(CLI_RUN_FAILED); /* the tool ended before the line above */
    }
    if (plan->own_group) {
        (void)setpgid(0, 0);
    }
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)signal(SIGPIPE, SIG_DFL);
    if ((plan->input > 0 && dup2(plan->input, STDIN_FILENO) < 0) ||
        (plan->output >= 0 && dup2(plan->output, STDOUT_FILENO) < 0) ||
        (plan->error >= 0 && dup2(plan->error, STDERR_FILENO) < 0)) {
        _exit(CLI_RUN_FAILED);
    }
    (void)execvp(plan->argv[0], plan->argv);
    cli_warn("cannot start %s: %s", plan->argv[0], strerror(errno));
    _exit(127);
}

pid_t process_start(const struct process_plan *plan)
{
    pid_t parent = getpid();
    pid_t child;

    (void)fflush(stdout);
    child = fork();
    if (child < 0) {
        cli_fail("cannot start a process: %s", strerror(errno));
    }
    if (child == 0) {
        become(plan, parent);
    }
    return child;
}

int process_shell_status(int wait_status)
{
    return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

int process_wait(pid_t process)
{
    int status;

    while (waitpid(process, &status, 0) < 0) {
        if (errno != EINTR) {
            return 127;
        }
    }
    return process_shell_status(status);
}

/* Reads until the end, or until the limit: then false. */
static bool collect(int from, int limit_ms, size_t max, struct text *out)
{
    int64_t end_ms = now_ms() + limit_ms;
    char buffer[4096];

    for (;;) {
        struct pollfd wait = {.fd = from, .events = POLLIN};
        int64_t left_ms = limit_ms < 0 ? -1 : end_ms - now_ms();
        ssize_t got;

        if (limit_ms >= 0 && left_ms <= 0) {
            return false;
        }
        if (poll(&wait, 1, (int)left_ms) <= 0) {
            continue;
        }
        got = read(from, buffer, sizeof buffer);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return true;
        }
        text_add_bytes(out, buffer, (size_t)got < max - out->len ? (size_t)got : max - out->len);
    }
}

int process_capture(char *const *argv, int limit_ms, bool quiet, size_t max, struct text *output_out)
{
    struct process_plan plan = {.argv = argv, .error = -1, .death_signal = SIGTERM};
    int ends[2];
    pid_t child;

    text_add(output_out, "");
    if (pipe2(ends, O_CLOEXEC) != 0) {
        cli_fail("cannot make a pipe: %s", strerror(errno));
    }
    plan.output = ends[1];
    if (quiet) {
        plan.error = open("/dev/null", O_WRONLY | O_CLOEXEC);
    }
    child = process_start(&plan);
    (void)close(ends[1]);
    if (plan.error >= 0) {
        (void)close(plan.error);
    }
    if (!collect(ends[0], limit_ms, max, output_out)) {
        (void)kill(child, SIGKILL);
    }
    (void)close(ends[0]);
    return process_wait(child);
}

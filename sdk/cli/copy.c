/* SPDX-License-Identifier: ISC */
/* Copying a template: see copy.h. What was made is remembered in order, so that it can be removed in reverse. */
#include "copy.h"

#include "cli.h"
#include "files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_BYTES_MAX ((size_t)64 * 1024 * 1024)
#define FOLDER_DEPTH_MAX 16

struct copy {
    const struct copy_word *words;
    size_t word_count;
    struct words made; /* every path that this copy has made, in order */
};

static bool copy_folder(struct copy *copy, const char *from, const char *to, unsigned depth);

/* Adds `in` to `out` with the words replaced; a file with a zero byte is no text and stays as it is. */
static void replace(const struct copy *copy, const struct text *in, struct text *out)
{
    const char *at = in->bytes;
    const char *end = in->bytes + in->len;

    if (memchr(in->bytes, '\0', in->len) != NULL) {
        text_add_bytes(out, in->bytes, in->len);
        return;
    }
    while (at < end) {
        const char *mark = memchr(at, '@', (size_t)(end - at));
        const struct copy_word *word = NULL;

        if (mark == NULL) {
            break;
        }
        text_add_bytes(out, at, (size_t)(mark - at));
        for (size_t i = 0; i < copy->word_count && word == NULL; i++) {
            if (strncmp(mark, copy->words[i].from, strlen(copy->words[i].from)) == 0) {
                word = &copy->words[i];
            }
        }
        text_add(out, word != NULL ? word->to : "@");
        at = mark + (word != NULL ? strlen(word->from) : 1);
    }
    text_add_bytes(out, at, (size_t)(end - at));
}

static bool write_all(int file, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t put = write(file, bytes, len);

        if (put < 0) {
            return false;
        }
        bytes += put;
        len -= (size_t)put;
    }
    return true;
}

static bool copy_file(struct copy *copy, const char *from, const char *to, mode_t mode)
{
    struct text in = {0};
    struct text out = {0};
    const char *why;
    bool done = false;
    int file;

    if (!file_read(from, FILE_BYTES_MAX, &in, &why)) {
        cli_warn("cannot read %s: %s", from, why);
        text_free(&in);
        return false;
    }
    replace(copy, &in, &out);
    file = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, (mode & 0111) != 0 ? 0777 : 0666);
    if (file >= 0) {
        words_add(&copy->made, to);
        done = write_all(file, out.bytes, out.len);
        done = close(file) == 0 && done;
    }
    if (!done) {
        cli_warn("cannot write %s: %s", to, strerror(errno));
    }
    text_free(&in);
    text_free(&out);
    return done;
}

static bool copy_entry(struct copy *copy, const char *from, const char *to, unsigned depth)
{
    struct stat status;

    if (lstat(from, &status) != 0) {
        cli_warn("cannot read %s: %s", from, strerror(errno));
        return false;
    }
    if (S_ISREG(status.st_mode)) {
        return copy_file(copy, from, to, status.st_mode);
    }
    if (!S_ISDIR(status.st_mode)) {
        cli_warn("%s is neither a file nor a folder: a template holds only these", from);
        return false;
    }
    if (depth == FOLDER_DEPTH_MAX) {
        cli_warn("%s lies too deep: a template has at most %d levels of folders", from, FOLDER_DEPTH_MAX);
        return false;
    }
    if (mkdir(to, 0777) != 0) {
        cli_warn("cannot make the folder %s: %s", to, strerror(errno));
        return false;
    }
    words_add(&copy->made, to);
    return copy_folder(copy, from, to, depth + 1);
}

static bool copy_folder(struct copy *copy, const char *from, const char *to, unsigned depth)
{
    DIR *folder = opendir(from);
    bool done = folder != NULL;

    if (!done) {
        cli_warn("cannot read the folder %s: %s", from, strerror(errno));
    }
    for (const struct dirent *entry; done && (entry = readdir(folder)) != NULL;) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            char *source = text_format("%s/%s", from, entry->d_name);
            char *target = text_format("%s/%s", to, entry->d_name);

            done = copy_entry(copy, source, target, depth);
            free(source);
            free(target);
        }
    }
    if (folder != NULL) {
        (void)closedir(folder);
    }
    return done;
}

bool copy_tree(const char *from, const char *to, const struct copy_word *words, size_t word_count)
{
    struct copy copy = {.words = words, .word_count = word_count};
    bool done = true;

    if (mkdir(to, 0777) == 0) {
        words_add(&copy.made, to);
    } else if (errno != EEXIST) {
        cli_warn("cannot make the folder %s: %s", to, strerror(errno));
        return false;
    }
    done = copy_folder(&copy, from, to, 0);
    for (size_t i = copy.made.count; !done && i > 0; i--) {
        if (remove(copy.made.items[i - 1]) != 0) {
            cli_warn("cannot remove %s, which it had made: %s", copy.made.items[i - 1], strerror(errno));
        }
    }
    return done;
}

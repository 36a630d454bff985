/* SPDX-License-Identifier: GPL-2.0-or-later */
/* verb-edit.c - edit: a guest's configuration in an editor, checked before it is put in place. */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "api/exit-codes.h"
#include "basic/file-util.h"
#include "basic/process.h"
#include "basic/spawn.h"
#include "conf/ini-file.h"
#include "umlctl/config-files.h"
#include "umlctl/say.h"
#include "umlctl/verbs.h"

typedef struct Edit {
        ConfigFiles files;
        char *path;   /* of the file that is edited */
        char *before; /* its text; NULL: it does not exist yet */
        char *after;
        char *directory, *copy; /* what the editor gets */
        bool keep;              /* the copy is worth keeping */
} Edit;

static void edit_done(Edit *e) {
        if (e->directory && !e->keep)
                (void) rm_rf(e->directory);
        config_files_done(&e->files);
        free(e->path);
        free(e->before);
        free(e->after);
        free(e->directory);
        free(e->copy);
}

/* ---- which file ---- */

/* "50-memory" and "50-memory.conf" are the same drop-in. */
static int name_dropin(Edit *e, const char *given) {
        _cleanup_free_ char *directory = config_dropin_directory(e->files.file), *name = NULL;
        size_t n = strlen(given);
        bool suffixed = n > 5 && streq(given + n - 5, ".conf");

        name = strfmt("%s%s", given, suffixed ? "" : ".conf");
        if (!directory || !name)
                return fail_with(EXIT_FAILED, "out of memory");
        if (!config_dropin_valid(name))
                return fail_with(EXIT_USAGE,
                                 "'%s': invalid name of a drop-in; use only letters, digits and "
                                 "-_.+@:~",
                                 given);
        e->path = strfmt("%s/%s", directory, name);
        return e->path ? 0 : fail_with(EXIT_FAILED, "out of memory");
}

static int find_part(Edit *e) {
        ConfigPart part = {};
        int r = 0;

        while (r == 0 && !e->before && config_part_next(e->files.text, e->files.size, &part)) {
                _cleanup_free_ char *path = NULL, *text = NULL;

                r = config_files_copy(&e->files, &part, &path, &text);
                if (r == 0 && streq(path, e->path))
                        e->before = TAKE_PTR(text);
        }
        return r;
}

static int choose(Edit *e, const char *guest, const char *dropin) {
        int r = config_files_read(guest, &e->files);

        if (r == 0 && dropin)
                r = name_dropin(e, dropin);
        else if (r == 0)
                e->path = strdup(e->files.file);
        if (r == 0 && !e->path)
                r = fail_with(EXIT_FAILED, "out of memory");
        return r == 0 ? find_part(e) : r;
}

/* ---- the editor ---- */

static int find_editor(Strv *ret) {
        static const char *const usual[] = { "editor", "nano", "vi" };
        const char *wanted = getenv("VISUAL");

        if (isempty(wanted))
                wanted = getenv("EDITOR");
        if (!isempty(wanted))
                return strv_split_shell(ret, wanted);
        FOREACH_ELEMENT (name, usual)
                if (program_installed(*name))
                        return strv_push(ret, *name);
        return -ENOENT;
}

static int copy_out(Edit *e) {
        const char *top = getenv("TMPDIR"), *text = e->before ?: "";

        e->directory = strfmt("%s/umlctl-edit-XXXXXX", isempty(top) ? "/tmp" : top);
        if (!e->directory || !mkdtemp(e->directory)) {
                free(e->directory);
                e->directory = NULL;
                return -errno;
        }
        e->copy = strfmt("%s%s", e->directory, strrchr(e->path, '/'));
        return e->copy ? write_file_atomic(e->copy, text, strlen(text), 0600) : -ENOMEM;
}

static void on_no_editor(int error, void *userdata) {
        const Strv *editor = userdata;

        dprintf(STDERR_FILENO, "umlctl: cannot run the editor %s: %s\n", editor->v[0],
                strerror(error));
}

/* Keys that interrupt are for the editor. */
static int run_editor(Edit *e, const Strv *editor) {
        struct sigaction ignore = { .sa_handler = SIG_IGN }, interrupt, quit;
        pid_t pid;
        int r;

        (void) sigaction(SIGINT, &ignore, &interrupt);
        (void) sigaction(SIGQUIT, &ignore, &quit);
        r = spawn(&(const Spawn){ .argv = editor->v,
                                  .failed = on_no_editor,
                                  .userdata = (void *) editor },
                  &pid);
        if (r >= 0)
                r = spawn_wait_exit(pid);
        (void) sigaction(SIGINT, &interrupt, NULL);
        (void) sigaction(SIGQUIT, &quit, NULL);
        if (r == SPAWN_FAILED)
                return EXIT_FAILED;
        return r == 0 ? 0
                      : fail_with(EXIT_FAILED, "the editor failed, so %s was not changed", e->path);
}

static int edit_once(Edit *e) {
        _cleanup_strv_ Strv editor = {};
        ssize_t n;
        int r = find_editor(&editor);

        if (r < 0 || editor.n == 0)
                return fail_with(EXIT_FAILED,
                                 "no editor was found; install one, or set EDITOR to one");
        if (strv_push(&editor, e->copy) < 0)
                return fail_with(EXIT_FAILED, "out of memory");
        r = run_editor(e, &editor);
        if (r != 0)
                return r;
        free(e->after);
        e->after = NULL;
        n = read_file(e->copy, INI_FILE_MAX + 1, &e->after);
        if (n < 0)
                return fail_with(EXIT_FAILED, "%s: cannot be read: %s", e->copy,
                                 strerror((int) -n));
        if (strlen(e->after) != (size_t) n)
                return fail_with(EXIT_USAGE,
                                 "%s: was not changed, because the new text contains a NUL byte",
                                 e->path);
        return 0;
}

/* 1: edit it once more; otherwise it is left as it is. */
static int ask_again(const Edit *e) {
        char answer[16];

        if (isatty(STDIN_FILENO)) {
                fprintf(stderr, "Edit it again? [Y/n] ");
                if (fgets(answer, sizeof(answer), stdin) && answer[0] != 'n' && answer[0] != 'N')
                        return 1;
        }
        note("%s was not changed", e->path);
        return 0;
}

/* Until it is valid, or the user gives up. */
static int edit_until_valid(Edit *e) {
        int r;

        for (;;) {
                r = edit_once(e);
                if (r != 0 || streq(e->after, e->before ?: ""))
                        return r;
                r = config_files_check(&e->files, e->path, e->after);
                if (r == 0 || !ask_again(e))
                        return r;
        }
}

static int edit(Edit *e) {
        _cleanup_free_ char *what = strfmt("changed %s", e->path);
        int r;

        r = copy_out(e);
        if (r < 0)
                return fail_with(EXIT_FAILED, "cannot make a copy for the editor: %s",
                                 strerror(-r));
        r = edit_until_valid(e);
        if (r != 0)
                return r;
        if (streq(e->after, e->before ?: "")) {
                note("%s was not changed", e->path);
                return 0;
        }
        r = config_files_write(&e->files, e->path, e->before, e->after);
        if (r != 0) {
                e->keep = true;
                note("what you have written is in %s", e->copy);
                return r;
        }
        config_files_say_changed(&e->files, what ?: "changed");
        return 0;
}

/* Before somebody writes what cannot be saved. */
static int check_permitted(const Edit *e) {
        _cleanup_free_ char *directory =
                strndup(e->path, (size_t) (strrchr(e->path, '/') - e->path));

        if (directory && access(directory, W_OK) < 0 && errno != ENOENT)
                return fail_with(EXIT_NOT_PERMITTED, "%s: cannot be changed: %s", e->path,
                                 strerror(errno));
        return 0;
}

int verb_edit(const Options *o, const char *guest) {
        _cleanup_(edit_done) Edit e = {};
        int r = choose(&e, guest, o->words[0]);

        if (r == 0)
                r = check_permitted(&e);
        return r == 0 ? edit(&e) : r;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* verb-create.c - create: a new guest from an archive, a directory or an image. */

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/dirs.h"
#include "api/exit-codes.h"
#include "api/modules-record.h"
#include "api/ssh-files.h"
#include "basic/fd-util.h"
#include "basic/file-util.h"
#include "basic/parse-util.h"
#include "umlctl/guest-modules.h"
#include "umlctl/guests.h"
#include "umlctl/host-key.h"
#include "umlctl/interrupt.h"
#include "umlctl/new-config.h"
#include "umlctl/pack.h"
#include "umlctl/programs.h"
#include "umlctl/recipes.h"
#include "umlctl/say.h"
#include "umlctl/source.h"
#include "umlctl/status-value.h"
#include "umlctl/verbs.h"

typedef struct Creation {
        const Options *options;
        const char *name;
        Workspace workspace;
        Progress progress;
        Source source;
        int image, overlay;
        RecipesIn recipes;
        char *recipe;  /* that was applied */
        char *program; /* umld-image */
        char *config;
        Config *parsed;
        GuestModules modules;
        bool has_key;      /* SSH_KEY_PATH is in the workspace, */
        bool has_host_key; /* SSH_KNOWN_HOSTS, too: umld-image has put the key into the tree */
        uint64_t entries, free;
        Strv ports; /* that the image says it serves: "tcp/80" */
} Creation;

static void creation_done(Creation *c) {
        progress_end(&c->progress);
        source_done(&c->source);
        safe_close(c->image);
        safe_close(c->overlay);
        safe_close(c->recipes.archive);
        free(c->recipe);
        free(c->program);
        free(c->config);
        config_free(c->parsed);
        guest_modules_done(&c->modules);
        strv_done(&c->ports);
        workspace_done(&c->workspace);
}

static int fail(const Creation *c, int error, const char *what) {
        return fail_with(error == -EACCES || error == -EPERM || error == -EROFS ? EXIT_NOT_PERMITTED
                                                                                : EXIT_FAILED,
                         "%s: cannot %s: %s", c->name, what, strerror(-error));
}

/* ---- checks ---- */

/* Checks first what would make the last step fail. */
static int check_new(const Creation *c) {
        _cleanup_free_ char *image = umld_path(DIR_STATE, c->name, "root.img"),
                            *config = umld_config_path(c->name);

        if (!image || !config)
                return fail(c, -ENOMEM, "be created");
        if (control_running(c->name))
                return fail_with(EXIT_FAILED, "%s: a guest of this name is running; stop it first",
                                 c->name);
        if (c->options->force)
                return 0;
        if (guest_configured(c->name))
                return fail_with(EXIT_FAILED,
                                 "%s: this guest already exists (%s); choose another name, or "
                                 "replace it with --force",
                                 c->name, config);
        if (access(image, F_OK) >= 0)
                return fail_with(EXIT_FAILED,
                                 "%s: the image already exists (%s); remove it, or replace it "
                                 "with --force",
                                 c->name, image);
        return 0;
}

/* ---- the image ---- */

/* What a recipe has made the tree do. */
static void take_wish(Creation *c, const char *value) {
        ImageWishes *wishes = &c->source.wishes;

        if (streq(value, "ready"))
                wishes->ready = true;
        else if (streq(value, "by-init"))
                wishes->by_init = true;
        else if (streq(value, "any-interface"))
                wishes->any_interface = true;
        else if (streq(value, "host-key"))
                c->has_host_key = c->recipes.host_key;
}

static void on_result(const char *key, const char *value, void *userdata) {
        Creation *c = userdata;

        if (streq(key, "init")) /* umld-guest-init */
                c->source.wishes = (ImageWishes){ true, true, true, false };
        else if (streq(key, "port"))
                (void) strv_push(&c->ports, value);
        else if (streq(key, "entries"))
                (void) parse_unsigned(value, 0, UINT64_MAX, &c->entries);
        else if (streq(key, "free"))
                (void) parse_unsigned(value, 0, UINT64_MAX, &c->free);
        else if (streq(key, "recipe"))
                (void) free_and_strdup(&c->recipe, value);
        else if (streq(key, "wish"))
                take_wish(c, value);
}

/* The files of --copy as an archive that is added to the tree. */
static int pack_copies(Creation *c) {
        const Strv *copies = &c->options->create.copies;
        _cleanup_free_ char *why = NULL;
        int r;

        if (copies->n == 0)
                return 0;
        r = pack_files(&c->workspace, "overlay.tar", copies, &c->progress, &c->overlay, &why);
        return r < 0 ? source_failed(&c->source, r, why) : 0;
}

static int on_file(const char *name, void *userdata) {
        const Creation *c = userdata;

        return source_file(&c->source, name);
}

static int writer_argv(const Creation *c, Strv *argv) {
        int r = strv_push(argv, c->program);

        if (r >= 0)
                r = strv_push(argv, c->source.layout >= 0 ? "oci" : "write");
        if (r >= 0 && c->source.tag)
                r = strv_pushf(argv, "--tag=%s", c->source.tag);
        if (r >= 0)
                r = strv_pushf(argv, "--label=%s", c->name);
        if (r >= 0 && c->options->create.size > 0)
                r = strv_pushf(argv, "--size=%llu", (unsigned long long) c->options->create.size);
        if (r >= 0 && c->source.keep_top)
                r = strv_push(argv, "--keep-top");
        if (r >= 0 && c->overlay >= 0)
                r = strv_push(argv, "--overlay");
        if (r >= 0 && c->modules.archive >= 0)
                r = strv_pushf(argv, "--modules=%s", c->modules.kernel->release);
        return r < 0 ? r : recipes_argv(&c->recipes, argv);
}

static int write_image(Creation *c) {
        bool piped = c->source.producer.argv.n > 0;
        _cleanup_free_ char *why = NULL, *text = NULL;
        Job jobs[2] = { c->source.producer, JOB_INIT };
        Job *writer = &jobs[1];
        int r;

        c->source.producer = JOB_INIT; /* ours now */
        *writer = JOB_INIT;
        writer->what = "umld-image";
        writer->sandbox = true;
        writer->speaks = true;
        writer->result = on_result;
        writer->file = on_file;
        writer->userdata = c;
        writer->total = c->source.size;
        writer->fds[0] = c->source.input;
        writer->fds[3] = c->image;
        writer->fds[4] = c->overlay;
        writer->fds[5] = c->modules.archive;
        writer->fds[6] = c->recipes.archive;
        text = strfmt("writing %s", c->source.shown);
        progress_set(&c->progress, text);
        r = writer_argv(c, &writer->argv);
        if (r >= 0)
                r = jobs_run(piped ? jobs : writer, piped ? 2 : 1, &c->progress, &why);
        job_done(&jobs[0]);
        job_done(&jobs[1]);
        return r < 0 ? source_failed(&c->source, r, why) : 0;
}

static int own_image(Creation *c) {
        if (fchmod(c->image, 0600) < 0 || fsync(c->image) < 0)
                return fail(c, -errno, "write the image");
        return 0;
}

/* ---- the verb ---- */

static int configure(Creation *c) {
        return new_config(c->name, &c->options->create, &c->source.wishes, &c->config, &c->parsed);
}

static int prepare(Creation *c) {
        int r = check_new(c);

        if (r == 0 && c->options->create.password && c->options->create.from &&
            streq(c->options->create.from, "-"))
                r = fail_with(EXIT_USAGE, "--password-stdin cannot be used with --from=-, which "
                                          "reads standard input, too; use a file");
        if (r != 0)
                return r;
        r = program_find(PROGRAM_IMAGE, &c->program);
        if (r >= 0)
                r = workspace_make(&c->workspace, c->name);
        if (r < 0)
                return fail(c, r, "make a directory for it");
        c->source = (Source){ .given = c->options->create.from,
                              .options = &c->options->create,
                              .guest = c->name,
                              .workspace = &c->workspace,
                              .progress = &c->progress,
                              SOURCE_INIT };
        r = source_open(&c->source);
        return r != 0 ? r : configure(c);
}

/* Without it the guest makes its key at its first boot. */
static bool make_host_key(Creation *c) {
        _cleanup_free_ char *why = NULL;
        int r = host_key_make(&c->workspace, &c->progress, &why);

        if (r < 0 && !interrupt_get()) /* whatever comes next says so */
                note("%s: cannot make an SSH host key: %s; the guest makes its own", c->name,
                     why ?: strerror(-r));
        return r > 0;
}

static int pack_recipes(Creation *c) {
        c->recipes = (RecipesIn){ .options = &c->options->create,
                                  .guest = c->name,
                                  .workspace = &c->workspace,
                                  .progress = &c->progress,
                                  .host_key = make_host_key(c),
                                  .archive = -EBADF };
        return recipes_pack(&c->recipes, c->program);
}

/* A guest without them is slower than it could be, but it is one. */
static void pack_modules(Creation *c) {
        const Config *parsed = c->parsed;
        const ModulesNeed need = { .kernel = config_kernel(parsed),
                                   .dir = c->options->create.modules,
                                   .fast_network = parsed->fast_network,
                                   .ipv6 = config_has_ipv6(parsed),
                                   .named = &(Strv){} };
        _cleanup_free_ char *why = NULL;
        int r = guest_modules_pack(&c->modules, &need, &c->workspace, &c->progress, &why);

        progress_wipe(&c->progress);
        if (r < 0 && interrupt_get()) /* whatever comes next says so */
                return;
        if (r < 0)
                note("%s: %s%s", c->name, why ?: strerror(-r),
                     c->modules.kernel ? "; the guest is made without BBR" : "");
}

/* Now it is known what the tree can do. Vector networking is several times as fast, but an image
 * made for eth0 has no network by it. */
static int configure_again(Creation *c) {
        ImageWishes *wishes = &c->source.wishes;

        wishes->vector = wishes->any_interface && c->modules.kernel && c->modules.kernel->vector;
        return configure(c);
}

static int make_files(Creation *c) {
        int r = pack_copies(c);

        if (r == 0)
                r = pack_recipes(c);
        if (r != 0)
                return r;
        pack_modules(c);
        r = c->image = workspace_file(&c->workspace, "root.img");
        if (r < 0)
                return fail(c, r, "make its image");
        r = write_image(c);
        if (r == 0)
                r = own_image(c);
        return r != 0 ? r : configure_again(c);
}

/* So that they follow when the guest gets another kernel. */
static int remember_modules(const Creation *c) {
        const char *text = c->modules.record;
        _cleanup_close_ int fd = text ? workspace_file(&c->workspace, MODULES_RECORD) : -EBADF;

        if (!text)
                return 0;
        return fd < 0 ? fd : write_all(fd, text, strlen(text));
}

/* "key" for "key.pub", if it is there: what `umlctl ssh` logs in with. The caller frees it. */
static char *private_key(const Creation *c) {
        const char *given = c->options->create.ssh_key;
        size_t n = given ? strlen(given) : 0;
        _cleanup_free_ char *path = NULL;

        if (n <= 4 || !streq(given + n - 4, ".pub"))
                return NULL;
        path = strndup(given, n - 4);
        return path ? realpath(path, NULL) : NULL;
}

static int remember_key(Creation *c) {
        _cleanup_free_ char *key = private_key(c);
        _cleanup_close_ int fd = key ? workspace_file(&c->workspace, SSH_KEY_PATH) : -EBADF;

        c->has_key = key;
        if (!key)
                return 0;
        if (fd < 0)
                return fd;
        return dprintf(fd, "%s\n", key) < 0 ? -EIO : RET_NERRNO(fchmod(fd, 0644));
}

/* What was known about a guest that has been replaced. */
static void forget_ssh(const Creation *c) {
        _cleanup_free_ char *hosts = umld_path(DIR_STATE, c->name, SSH_KNOWN_HOSTS),
                            *key = umld_path(DIR_STATE, c->name, SSH_KEY_PATH);

        if (hosts && !c->has_host_key)
                (void) unlink_quiet(hosts);
        if (key && !c->has_key)
                (void) unlink_quiet(key);
}

static int commit(Creation *c) {
        const char *files[5] = { "root.img" };
        size_t n = 1;
        int r = remember_modules(c);

        if (r >= 0)
                r = remember_key(c);
        if (r >= 0 && c->has_host_key)
                r = host_key_remember(&c->workspace, c->name);
        if (c->modules.record)
                files[n++] = MODULES_RECORD;
        if (c->has_key)
                files[n++] = SSH_KEY_PATH;
        if (c->has_host_key)
                files[n++] = SSH_KNOWN_HOSTS;
        if (r >= 0)
                r = workspace_config(&c->workspace, c->config);
        if (r < 0)
                return fail(c, r, "write its configuration");
        if (interrupt_get())
                return source_failed(&c->source, -EINTR, NULL);
        r = workspace_commit(&c->workspace, files, c->options->force);
        if (r == -EEXIST)
                return fail_with(EXIT_FAILED, "%s: another process has created it meanwhile",
                                 c->name);
        if (r < 0)
                return fail(c, r, "put its files in place");
        forget_ssh(c);
        return 0;
}

/* Is that "tcp/8080:5432", "tcp/5432" or "all", for the port "tcp/5432"? */
static bool leads_to(const char *forward, const char *port) {
        size_t n = strcspn(forward, "/");
        const char *inside = strrchr(forward, ':');

        if (streq(forward, port) || streq(forward, "all"))
                return true;
        return inside && strncmp(forward, port, n) == 0 && port[n] == '/' &&
               streq(port + n + 1, inside + 1);
}

static bool is_forwarded(const Creation *c, const char *port) {
        const Strv *forwards = &c->options->create.forwards;

        for (size_t i = 0; i < forwards->n; i++)
                if (leads_to(forwards->v[i], port))
                        return true;
        return false;
}

/* What a container image serves is known, and whether that is to be reached from outside is not. */
static void say_ports(const Creation *c) {
        for (size_t i = 0; i < c->ports.n; i++)
                printf("  serves         %s%s\n", c->ports.v[i],
                       is_forwarded(c, c->ports.v[i]) ? "" : " (not forwarded; see --forward)");
}

static void say_done(const Creation *c) {
        _cleanup_free_ char *image = umld_path(DIR_STATE, c->name, "root.img"),
                            *config = umld_config_path(c->name);
        struct stat st = {};

        if (c->options->quiet)
                return;
        (void) fstat(c->image, &st);
        printf("%s: created from %s", c->name, c->source.shown);
        if (c->entries > 0)
                printf(", %llu files", (unsigned long long) c->entries);
        printf("; %s of %s used\n", FORMAT_SIZE((uint64_t) st.st_size - c->free),
               FORMAT_SIZE((uint64_t) st.st_size));
        if (c->recipe)
                printf("  recipe         %s\n", c->recipe);
        say_ports(c);
        printf("  image          %s\n  configuration  %s\n  to start it    umlctl start %s\n",
               image ?: "", config ?: "", c->name);
        guest_note_dropins(c->name);
}

int verb_create(const Options *o, const char *name) {
        _cleanup_(creation_done) Creation c = { .options = o,
                                                .name = name,
                                                .workspace = WORKSPACE_INIT,
                                                .source = { SOURCE_INIT },
                                                .modules = GUEST_MODULES_INIT,
                                                .image = -EBADF,
                                                .overlay = -EBADF,
                                                .recipes = { .archive = -EBADF } };
        int r;

        interrupt_block();
        progress_begin(&c.progress, name, !o->quiet);
        workspace_sweep();
        r = prepare(&c);
        if (r == 0)
                r = make_files(&c);
        if (r == 0)
                r = commit(&c);
        progress_end(&c.progress);
        if (r == 0)
                say_done(&c);
        return r;
}

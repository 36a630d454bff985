/* SPDX-License-Identifier: GPL-2.0-or-later */
/* password.c - reads a password and hashes it; the only file that knows crypt(3). */

#include <crypt.h>
#include <stdio.h>
#include <termios.h>
#include <unistd.h>

#include "api/exit-codes.h"
#include "basic/random.h"
#include "basic/string-util.h"
#include "umlctl/password.h"
#include "umlctl/say.h"

enum {
        PASSWORD_MAX = 256,
        SALT_CHARS = 16,
};

/* The terminal has to be as before even if nothing is typed. */
static ssize_t read_line(char *buf, size_t size) {
        size_t n = 0;
        ssize_t r = 1;

        while (n < size && (r = read(STDIN_FILENO, buf + n, 1)) > 0 && buf[n] != '\n')
                n++;
        if (n < size)
                buf[n] = '\0';
        return r < 0 ? -errno : (ssize_t) n;
}

static ssize_t ask(char *buf, size_t size) {
        struct termios old, quiet;
        ssize_t n;

        if (tcgetattr(STDIN_FILENO, &old) < 0)
                return read_line(buf, size);
        quiet = old;
        quiet.c_lflag &= (tcflag_t) ~ECHO;
        (void) tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
        fprintf(stderr, "Password for root in the guest: ");
        n = read_line(buf, size);
        (void) tcsetattr(STDIN_FILENO, TCSAFLUSH, &old);
        fprintf(stderr, "\n");
        return n;
}

/* SHA-512, which every libc of the last fifteen years knows, musl as well. */
static int hash(const char *password, char **ret) {
        static const char chars[] =
                "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        _cleanup_free_ struct crypt_data *data = calloc(1, sizeof(*data));
        unsigned char random[SALT_CHARS];
        char salt[3 + SALT_CHARS + 1] = "$6$";
        const char *text;
        int r;

        if (!data)
                return -ENOMEM;
        if ((r = random_bytes(random, sizeof(random))) < 0)
                return r;
        for (size_t i = 0; i < SALT_CHARS; i++)
                salt[3 + i] = chars[random[i] % (sizeof(chars) - 1)];
        text = crypt_r(password, salt, data);
        if (!text || !startswith(text, "$6$"))
                return -EOPNOTSUPP;
        *ret = strdup(text);
        explicit_bzero(data, sizeof(*data));
        return *ret ? 0 : -ENOMEM;
}

int password_read(char **ret) {
        char password[PASSWORD_MAX + 1] = "";
        ssize_t n = ask(password, PASSWORD_MAX);
        int r;

        if (n < 0)
                return fail_with(EXIT_FAILED, "--password-stdin: cannot read standard input: %s",
                                 strerror((int) -n));
        if (n == 0 || n == PASSWORD_MAX || strlen(password) < (size_t) n)
                return fail_with(EXIT_USAGE,
                                 "--password-stdin: must be one line of 1 to %d characters",
                                 PASSWORD_MAX - 1);
        password[n] = '\0';
        r = hash(password, ret);
        explicit_bzero(password, sizeof(password));
        return r < 0 ? fail_with(EXIT_FAILED, "--password-stdin: cannot hash the password: %s",
                                 strerror(-r))
                     : 0;
}

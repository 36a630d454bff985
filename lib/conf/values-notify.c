/* SPDX-License-Identifier: GPL-2.0-or-later */
/* values-notify.c - parsers of the settings of [Notify]. */

#include "basic/parse-util.h"
#include "basic/string-util.h"
#include "conf/refuse.h"
#include "conf/values.h"

/* No shell is involved: the first word is the file that is executed. */
int setting_parse_command(const Setting *s, const char *value, Config *c, char **ret_why) {
        _cleanup_strv_ Strv words = {};
        int r = strv_split_shell(&words, value);

        if (r == -EINVAL)
                return refuse_text(ret_why, value, "unterminated quote, or a backslash at the end");
        if (r < 0)
                return r;
        if (words.n == 0 || words.v[0][0] != '/' || words.v[0][strlen(words.v[0]) - 1] == '/')
                return refuse_text(ret_why, value,
                                   "not the absolute path of a program; use for example %s",
                                   s->example);
        return strv_copy(&c->notify_command, &words);
}

int setting_parse_notify_user(const Setting *s, const char *value, Config *c, char **ret_why) {
        uint64_t uid;
        bool number = parse_unsigned(value, 0, UINT32_MAX - 1, &uid) >= 0;

        if (streq(value, "root") || (number && uid == 0))
                return refuse_text(ret_why, value,
                                   "the command cannot run as root; use another user");
        if (number ? uid == UINT16_MAX /* this is -1 to old system calls */
                   : !setting_user_name_valid(value))
                return refuse_text(ret_why, value,
                                   "invalid user; use the name or number of a user");
        return free_and_strdup(&c->notify_user, value);
}

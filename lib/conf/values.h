/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A parser for each kind of value, each a SettingParser. */

#include "conf/settings.h"

/* Generic parsers, which store to s->fields[0] and check s->min and s->max: */
int setting_parse_bool(const Setting *s, const char *value, Config *c, char **ret_why); /* bool */
int setting_parse_count(const Setting *s, const char *value, Config *c,
                        char **ret_why); /* unsigned */
int setting_parse_size(const Setting *s, const char *value, Config *c,
                       char **ret_why); /* uint64_t */
int setting_parse_span(const Setting *s, const char *value, Config *c, char **ret_why); /* usec_t */
int setting_parse_interval(const Setting *s, const char *value, Config *c,
                           char **ret_why); /* usec_t; 0 = off is allowed, whatever s->min is */
int setting_parse_choice(const Setting *s, const char *value, Config *c,
                         char **ret_why); /* an enum */

/* Copies the next word of *text and advances it. 1 = a word, 0 = none left. */
int setting_next_word(const char **text, const char *separators, char **ret);

/* May a user on the host have that name? */
bool setting_user_name_valid(const char *s);

/* Parsers of single keys: */
int setting_parse_kernel(const Setting *s, const char *value, Config *c, char **ret_why);
int setting_parse_disk(const Setting *s, const char *value, Config *c, char **ret_why);
int setting_parse_root(const Setting *s, const char *value, Config *c, char **ret_why);
int setting_parse_share(const Setting *s, const char *value, Config *c, char **ret_why);
int setting_parse_append(const Setting *s, const char *value, Config *c, char **ret_why);
int setting_parse_backing(const Setting *s, const char *value, Config *c, char **ret_why);
int setting_parse_hostname(const Setting *s, const char *value, Config *c, char **ret_why);
int setting_parse_host_address(const Setting *s, const char *value, Config *c, char **ret_why);
int setting_parse_guest_address(const Setting *s, const char *value, Config *c, char **ret_why);
int setting_parse_host_address6(const Setting *s, const char *value, Config *c, char **ret_why);
int setting_parse_guest_address6(const Setting *s, const char *value, Config *c, char **ret_why);
int setting_parse_dns(const Setting *s, const char *value, Config *c, char **ret_why);
int setting_parse_reach(const Setting *s, const char *value, Config *c, char **ret_why);
int setting_parse_connections(const Setting *s, const char *value, Config *c, char **ret_why);
int setting_parse_bandwidth(const Setting *s, const char *value, Config *c, char **ret_why);
int setting_parse_mtu(const Setting *s, const char *value, Config *c, char **ret_why);
int setting_parse_tap(const Setting *s, const char *value, Config *c, char **ret_why);
int setting_parse_snat_address(const Setting *s, const char *value, Config *c, char **ret_why);
int setting_parse_uplinks(const Setting *s, const char *value, Config *c, char **ret_why);
int setting_parse_forward(const Setting *s, const char *value, Config *c, char **ret_why);
int setting_parse_proxy(const Setting *s, const char *value, Config *c, char **ret_why);
int setting_parse_reserve(const Setting *s, const char *value, Config *c, char **ret_why);
int setting_parse_probe(const Setting *s, const char *value, Config *c, char **ret_why);
int setting_parse_cpu_quota(const Setting *s, const char *value, Config *c, char **ret_why);
int setting_parse_command(const Setting *s, const char *value, Config *c, char **ret_why);
int setting_parse_notify_user(const Setting *s, const char *value, Config *c, char **ret_why);
int setting_parse_required(const Setting *s, const char *value, Config *c, char **ret_why);
int setting_parse_user(const Setting *s, const char *value, Config *c, char **ret_why);

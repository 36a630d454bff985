/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Parsers of whole strings: trailing text is an error. All return -EINVAL for malformed text and
 * -ERANGE for a value out of range, and leave *ret untouched then. */

#include <netinet/in.h>

#include "basic/macro.h"
#include "basic/time-util.h"

int parse_bool(const char *s, bool *ret); /* yes/no, true/false, on/off, 1/0 */
int parse_unsigned(const char *s, uint64_t min, uint64_t max, uint64_t *ret); /* decimal */
int parse_size(const char *s, uint64_t *ret);   /* bytes; suffix K, M, G, T (1024) */
int parse_timespan(const char *s, usec_t *ret); /* us, ms, s, min, h, d; default s; "1min 30s" */
int parse_port(const char *s, uint16_t *ret);   /* 1-65535 */
int parse_ipv4(const char *s, struct in_addr *ret);                              /* dotted quad */
int parse_ipv4_prefix(const char *s, struct in_addr *ret, unsigned *ret_prefix); /* ADDRESS/0-32 */

int parse_ipv6(const char *s, struct in6_addr *ret);
int parse_ipv6_prefix(const char *s, struct in6_addr *ret,
                      unsigned *ret_prefix); /* ADDRESS/0-128 */

/* Is it a valid name of a network interface: 1 to 15 bytes, no '/', ':', white space or '%'; not
 * "." or ".."? */
bool ifname_valid(const char *s);

/* Is it a valid guest name: 1 to 15 characters of [a-z0-9-], beginning with a letter? */
bool guest_name_valid(const char *s);

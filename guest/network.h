/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The network as umld says it on the kernel's command line: umld_hostname, umld_address
 * (ADDRESS/PREFIX), umld_gateway, umld_dns (A,B), umld_mtu, umld_address6 and umld_gateway6. */

/* Sets up the loopback device and the interface, eth0 or vec0, and writes the host's name,
 * /etc/hosts and /etc/resolv.conf. What does not work is said on standard error. */
void network_up(const char *cmdline);

/* The value of a word of the command line, which the caller frees; NULL: it is not there. */
char *cmdline_value(const char *cmdline, const char *name);

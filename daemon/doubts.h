/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What in a configuration is valid, but was probably not meant so. */

#include "conf/config.h"

/* Logs each of these. */
void log_doubts(const Config *c);

/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What an expression "payload" loads from. */

#include "nat/nft-eval.h"
#include "nat/packet.h"

NftValue nft_network_header(const Packet *p);
NftValue nft_transport_header(const Packet *p);

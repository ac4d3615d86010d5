#pragma once
// The networks of containers, as the core asks for them (core/engine/network_driver.h).
//
// What a crash leaves of an attach, and who heals it:
//   | killed after                 | left behind                    | healed by |
//   |------------------------------|--------------------------------|-------------------------------|
//   | the namespace is made        | nothing: it dies with us       | | | the default network is
//   made  | the network: it is used again  |                               | | a lease is taken | a
//   lease, no network.json       | Detach, which looks for them  | | the links are made           |
//   the same: links die with their | the same                      | | | namespace | | |
//   network.json is written      | it says all there is           | Detach                        |
//   | (Detach) leases are freed    | part of the same               | Detach again |
// Detach belongs to removing a run's traces, which every command does for a container whose run is
// over (core/engine/lifecycle.h).

#include "core/engine/network_driver.h"

namespace hoy::net {

core::NetworkDriver& Driver();

}  // namespace hoy::net

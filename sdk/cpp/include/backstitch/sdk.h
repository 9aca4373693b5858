// The whole SDK. Coroutines have a header of their own, backstitch/coroutine.h, which needs C++20.
#pragma once

#include "backstitch/attribute.h"
#include "backstitch/context.h"
#include "backstitch/error_code.h"
#include "backstitch/exporter.h"
#include "backstitch/ids.h"
#include "backstitch/inbound.h"
#include "backstitch/middleware.h"
#include "backstitch/otlp_http.h"
#include "backstitch/outbound.h"
#include "backstitch/propagator.h"
#include "backstitch/sampler.h"
#include "backstitch/span.h"
#include "backstitch/span_context.h"
#include "backstitch/tracer.h"
#include "backstitch/tracer_provider.h"

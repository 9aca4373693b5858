package golden

// Policies that remember: token buckets and composite.
func limitsCases() []policyCase {
	return []policyCase{
		{"rate_10", "rates", `a bucket of 20 that fills at 10 a second; a trace of more than 20 spans never passes`, "",
			`    - {name: rate, type: rate_limiting, rate_limiting: {spans_per_second: 10}}
`},
		{"rate_10_burst_10", "rates", `a bucket of 10`, "",
			`    - {name: rate, type: rate_limiting, rate_limiting: {spans_per_second: 10, burst_capacity: 10}}
`},
		{"rate_2_burst_40", "rates", `a large bucket that fills slowly`, "",
			`    - {name: rate, type: rate_limiting, rate_limiting: {spans_per_second: 2, burst_capacity: 40}}
`},
		{"rate_0", "rates", `0: none`, "",
			`    - {name: rate, type: rate_limiting, rate_limiting: {spans_per_second: 0}}
`},
		{"rate_0_burst_30", "rates", `0 with a bucket: what it starts with, never more`, "",
			`    - {name: rate, type: rate_limiting, rate_limiting: {spans_per_second: 0, burst_capacity: 30}}
`},
		{"rate_1000", "rates", `more than there is`, "",
			`    - {name: rate, type: rate_limiting, rate_limiting: {spans_per_second: 1000}}
`},
		{"rate_beside_always", "rates", `tokens go to traces that another policy keeps too`, "",
			`    - {name: rate, type: rate_limiting, rate_limiting: {spans_per_second: 10}}
    - {name: bursts, type: boolean_attribute, boolean_attribute: {key: burst, value: true}}
`},
		{"rate_after_first_match", "rates", `sample_on_first_match: a policy after the first that votes is not asked, so its tokens stay`, "  decision_wait: 2s\n  sample_on_first_match: true\n",
			`    - {name: large, type: span_count, span_count: {min_spans: 10}}
    - {name: rate, type: rate_limiting, rate_limiting: {spans_per_second: 2, burst_capacity: 10}}
`},
		{"rate_after_match", "rates", `the same without: it is asked, and its tokens are spent`, "",
			`    - {name: large, type: span_count, span_count: {min_spans: 10}}
    - {name: rate, type: rate_limiting, rate_limiting: {spans_per_second: 2, burst_capacity: 10}}
`},
		{"rate_in_and", "rates", `in and: asked only when those before it agree`, "",
			`    - {name: both, type: and, and: {and_sub_policy: [{name: count, type: numeric_attribute, numeric_attribute: {key: count, min_value: 8, max_value: 1000}}, {name: rate, type: rate_limiting, rate_limiting: {spans_per_second: 1, burst_capacity: 14}}]}}
`},
		{"rate_first_in_and", "rates", `in and, first: its tokens are spent on what the next refuses`, "",
			`    - {name: both, type: and, and: {and_sub_policy: [{name: rate, type: rate_limiting, rate_limiting: {spans_per_second: 1, burst_capacity: 14}}, {name: count, type: numeric_attribute, numeric_attribute: {key: count, min_value: 8, max_value: 1000}}]}}
`},
		{"rate_not", "rates", `what a rate refuses`, "",
			`    - {name: rest, type: not, not: {not_sub_policy: {name: rate, type: rate_limiting, rate_limiting: {spans_per_second: 10}}}}
`},
		{"rate_in_drop", "rates", `dropped as long as there are tokens`, "",
			`    - {name: all, type: always_sample}
    - {name: fewer, type: drop, drop: {drop_sub_policy: [{name: rate, type: rate_limiting, rate_limiting: {spans_per_second: 10}}]}}
`},
		{"rate_wait_5", "rates", `another wait moves every decision, and so every refill`, "  decision_wait: 5s\n",
			`    - {name: rate, type: rate_limiting, rate_limiting: {spans_per_second: 10}}
`},
		{"bytes_all", "rates", `what each trace counts for bytes_limiting`, "",
			`    - {name: bytes, type: bytes_limiting, bytes_limiting: {bytes_per_second: 1000000}}
`},
		{"bytes_600", "rates", `a bucket of 1200 bytes that fills at 600 a second`, "",
			`    - {name: bytes, type: bytes_limiting, bytes_limiting: {bytes_per_second: 600}}
`},
		{"bytes_600_burst_4000", "rates", `a bucket of 4000`, "",
			`    - {name: bytes, type: bytes_limiting, bytes_limiting: {bytes_per_second: 600, burst_capacity: 4000}}
`},
		{"bytes_0", "rates", `0: none`, "",
			`    - {name: bytes, type: bytes_limiting, bytes_limiting: {bytes_per_second: 0}}
`},
		{"composite", "composite", `10 spans a second: 5 for a, 3 for b, the rest an equal share, 3 of 10`, "",
			`    - {name: shares, type: composite, composite: {max_total_spans_per_second: 10, policy_order: [a, b, rest], composite_sub_policy: [{name: a, type: string_attribute, string_attribute: {key: a, values: ["yes"]}}, {name: b, type: string_attribute, string_attribute: {key: b, values: ["yes"]}}, {name: rest, type: always_sample}], rate_allocation: [{policy: a, percent: 50}, {policy: b, percent: 30}]}}
`},
		{"composite_order", "composite", `policy_order has no effect: the order is that of composite_sub_policy`, "",
			`    - {name: shares, type: composite, composite: {max_total_spans_per_second: 10, policy_order: [rest, b, a], composite_sub_policy: [{name: a, type: string_attribute, string_attribute: {key: a, values: ["yes"]}}, {name: b, type: string_attribute, string_attribute: {key: b, values: ["yes"]}}, {name: rest, type: always_sample}], rate_allocation: [{policy: a, percent: 50}, {policy: b, percent: 30}, {policy: rest, percent: 20}]}}
`},
		{"composite_reversed", "composite", `the other order`, "",
			`    - {name: shares, type: composite, composite: {max_total_spans_per_second: 10, policy_order: [a, b, rest], composite_sub_policy: [{name: b, type: string_attribute, string_attribute: {key: b, values: ["yes"]}}, {name: a, type: string_attribute, string_attribute: {key: a, values: ["yes"]}}, {name: rest, type: always_sample}], rate_allocation: [{policy: a, percent: 50}, {policy: b, percent: 30}, {policy: rest, percent: 20}]}}
`},
		{"composite_no_allocation", "composite", `equal shares, cut to whole spans: 3 of 10`, "",
			`    - {name: shares, type: composite, composite: {max_total_spans_per_second: 10, policy_order: [a, b, rest], composite_sub_policy: [{name: a, type: string_attribute, string_attribute: {key: a, values: ["yes"]}}, {name: b, type: string_attribute, string_attribute: {key: b, values: ["yes"]}}, {name: rest, type: always_sample}]}}
`},
		{"composite_zero", "composite", `a share of 0 is an equal share`, "",
			`    - {name: shares, type: composite, composite: {max_total_spans_per_second: 30, policy_order: [a, b, rest], composite_sub_policy: [{name: a, type: string_attribute, string_attribute: {key: a, values: ["yes"]}}, {name: b, type: string_attribute, string_attribute: {key: b, values: ["yes"]}}, {name: rest, type: always_sample}], rate_allocation: [{policy: a, percent: 0}, {policy: b, percent: 10}, {policy: rest, percent: 10}]}}
`},
		{"composite_over_100", "composite", `shares of more than the whole are all given: the total is not bounded`, "",
			`    - {name: shares, type: composite, composite: {max_total_spans_per_second: 10, policy_order: [a, b, rest], composite_sub_policy: [{name: a, type: string_attribute, string_attribute: {key: a, values: ["yes"]}}, {name: b, type: string_attribute, string_attribute: {key: b, values: ["yes"]}}, {name: rest, type: always_sample}], rate_allocation: [{policy: a, percent: 200}, {policy: b, percent: 100}, {policy: rest, percent: 100}]}}
`},
		{"composite_order_missing", "composite", `a sub-policy that policy_order does not name is asked all the same`, "",
			`    - {name: shares, type: composite, composite: {max_total_spans_per_second: 100, policy_order: [a], composite_sub_policy: [{name: a, type: string_attribute, string_attribute: {key: a, values: ["yes"]}}, {name: b, type: string_attribute, string_attribute: {key: b, values: ["yes"]}}], rate_allocation: [{policy: a, percent: 50}, {policy: b, percent: 50}]}}
`},
		{"composite_and", "composite", `and inside composite`, "",
			`    - {name: shares, type: composite, composite: {max_total_spans_per_second: 100, policy_order: [both, rest], composite_sub_policy: [{name: both, type: and, and: {and_sub_policy: [{name: a, type: string_attribute, string_attribute: {key: a, values: ["yes"]}}, {name: b, type: string_attribute, string_attribute: {key: b, values: ["yes"]}}]}}, {name: rest, type: always_sample}], rate_allocation: [{policy: both, percent: 50}, {policy: rest, percent: 3}]}}
`},
		{"composite_beside", "composite", `another policy keeps what composite refuses`, "",
			`    - {name: shares, type: composite, composite: {max_total_spans_per_second: 10, policy_order: [a], composite_sub_policy: [{name: a, type: string_attribute, string_attribute: {key: a, values: ["yes"]}}]}}
    - {name: large, type: span_count, span_count: {min_spans: 20}}
`},
		{"composite_invert", "composite", `an inverted vote inside composite`, "",
			`    - {name: shares, type: composite, composite: {max_total_spans_per_second: 10, policy_order: [not_a], composite_sub_policy: [{name: not_a, type: string_attribute, string_attribute: {key: a, values: ["yes"], invert_match: true}}]}}
`},
	}
}

package golden

// and, not, drop, several policies together; time.
func joinedCases() []policyCase {
	return []policyCase{
		{"not_latency_100", "latency", `the opposite of latency_100`, "",
			`    - {name: fast, type: not, not: {not_sub_policy: {name: slow, type: latency, latency: {threshold_ms: 100}}}}
`},
		{"not_trace_flags", "contexts", `bit 0 of none`, "",
			`    - {name: unflagged, type: not, not: {not_sub_policy: {name: flagged, type: trace_flags}}}
`},
		{"and", "shapes", `both`, "",
			`    - {name: both, type: and, and: {and_sub_policy: [{name: failed, type: status_code, status_code: {status_codes: [ERROR]}}, {name: large, type: span_count, span_count: {min_spans: 6}}]}}
`},
		{"and_empty", "shapes", `of nothing: all`, "",
			`    - {name: both, type: and, and: {and_sub_policy: []}}
`},
		{"and_not", "shapes", `not inside and`, "",
			`    - {name: both, type: and, and: {and_sub_policy: [{name: failed, type: status_code, status_code: {status_codes: [ERROR]}}, {name: small, type: not, not: {not_sub_policy: {name: large, type: span_count, span_count: {min_spans: 6}}}}]}}
`},
		{"and_invert", "attributes", `an inverted vote inside and`, "",
			`    - {name: both, type: and, and: {and_sub_policy: [{name: n, type: numeric_attribute, numeric_attribute: {key: key, min_value: -5, max_value: 10}}, {name: t, type: string_attribute, string_attribute: {key: key, values: [value1, value2], invert_match: true}}]}}
`},
		{"not_invert", "attributes", `not of an inverted vote`, "",
			`    - {name: other, type: not, not: {not_sub_policy: {name: t, type: string_attribute, string_attribute: {key: key, values: [value1], invert_match: true}}}}
`},
		{"not_always", "shapes", `none`, "",
			`    - {name: none, type: not, not: {not_sub_policy: {name: all, type: always_sample}}}
`},
		{"drop", "shapes", `drop wins over what votes for keeping, wherever it stands`, "",
			`    - {name: all, type: always_sample}
    - {name: large, type: drop, drop: {drop_sub_policy: [{name: large, type: span_count, span_count: {min_spans: 6}}]}}
    - {name: failed, type: status_code, status_code: {status_codes: [ERROR]}}
`},
		{"drop_two", "shapes", `all of its sub-policies must vote for it`, "",
			`    - {name: all, type: always_sample}
    - {name: large, type: drop, drop: {drop_sub_policy: [{name: large, type: span_count, span_count: {min_spans: 6}}, {name: failed, type: status_code, status_code: {status_codes: [ERROR]}}]}}
`},
		{"drop_not", "shapes", `not inside drop`, "",
			`    - {name: all, type: always_sample}
    - {name: fine, type: drop, drop: {drop_sub_policy: [{name: fine, type: not, not: {not_sub_policy: {name: failed, type: status_code, status_code: {status_codes: [ERROR]}}}}]}}
`},
		{"drop_empty", "shapes", `of nothing: everything is dropped`, "",
			`    - {name: all, type: always_sample}
    - {name: nothing, type: drop, drop: {drop_sub_policy: []}}
`},
		{"drop_alone", "shapes", `a drop policy that does not match keeps nothing`, "",
			`    - {name: large, type: drop, drop: {drop_sub_policy: [{name: large, type: span_count, span_count: {min_spans: 6}}]}}
`},
		{"drop_first_match", "shapes", `drop policies come first, under sample_on_first_match too`, "  decision_wait: 2s\n  sample_on_first_match: true\n",
			`    - {name: all, type: always_sample}
    - {name: large, type: drop, drop: {drop_sub_policy: [{name: large, type: span_count, span_count: {min_spans: 6}}]}}
`},
		{"drop_two_policies", "shapes", `the first drop policy that matches is named`, "",
			`    - {name: all, type: always_sample}
    - {name: errors, type: drop, drop: {drop_sub_policy: [{name: failed, type: status_code, status_code: {status_codes: [ERROR]}}]}}
    - {name: large, type: drop, drop: {drop_sub_policy: [{name: large, type: span_count, span_count: {min_spans: 6}}]}}
`},
		{"several", "shapes", `the first that votes for keeping is named`, "",
			`    - {name: large, type: span_count, span_count: {min_spans: 6}}
    - {name: failed, type: status_code, status_code: {status_codes: [ERROR]}}
    - {name: share, type: probabilistic, probabilistic: {sampling_percentage: 30}}
`},
		{"several_turned", "shapes", `the same in another order: the same traces, other names`, "",
			`    - {name: share, type: probabilistic, probabilistic: {sampling_percentage: 30}}
    - {name: failed, type: status_code, status_code: {status_codes: [ERROR]}}
    - {name: large, type: span_count, span_count: {min_spans: 6}}
`},
		{"several_first_match", "shapes", `sample_on_first_match changes no stateless decision`, "  decision_wait: 2s\n  sample_on_first_match: true\n",
			`    - {name: large, type: span_count, span_count: {min_spans: 6}}
    - {name: failed, type: status_code, status_code: {status_codes: [ERROR]}}
    - {name: share, type: probabilistic, probabilistic: {sampling_percentage: 30}}
`},
		{"no_policies", "shapes", `none: nothing is kept`, "  decision_wait: 2s\n",
			``},
		{"invert_and_match", "attributes", `an inverted vote against is an ordinary one: another policy keeps the trace`, "",
			`    - {name: text, type: string_attribute, string_attribute: {key: key, values: [value1], invert_match: true}}
    - {name: number, type: numeric_attribute, numeric_attribute: {key: key, min_value: 5, max_value: 10}}
    - {name: also, type: string_attribute, string_attribute: {key: key, values: [value1]}}
`},
		{"invert_twice", "attributes", `two inverted ones: kept where either votes for it`, "",
			`    - {name: no1, type: string_attribute, string_attribute: {key: key, values: [value1], invert_match: true}}
    - {name: no2, type: string_attribute, string_attribute: {key: key, values: [value2], invert_match: true}}
`},
		{"invert_boolean_and_numeric", "attributes", `two inverted ones of other types`, "",
			`    - {name: bools, type: boolean_attribute, boolean_attribute: {key: key, value: true, invert_match: true}}
    - {name: number, type: numeric_attribute, numeric_attribute: {key: key, min_value: 5, max_value: 10, invert_match: true}}
`},
		{"late", "late", `late spans follow the decision while the trace is remembered`, "  decision_wait: 3s\n",
			`    - {name: failed, type: status_code, status_code: {status_codes: [ERROR]}}
    - {name: slow, type: latency, latency: {threshold_ms: 1000}}
`},
		{"late_cached", "late", `the same with decision caches`, "  decision_wait: 3s\n  decision_cache: {sampled_cache_size: 100, non_sampled_cache_size: 100}\n",
			`    - {name: failed, type: status_code, status_code: {status_codes: [ERROR]}}
    - {name: slow, type: latency, latency: {threshold_ms: 1000}}
`},
		{"late_after_root", "late", `decision_wait_after_root_received in whole seconds`, "  decision_wait: 6s\n  decision_wait_after_root_received: 2s\n",
			`    - {name: failed, type: status_code, status_code: {status_codes: [ERROR]}}
    - {name: slow, type: latency, latency: {threshold_ms: 1000}}
`},
		{"late_after_root_short", "late", `below a second: at the next tick`, "  decision_wait: 6s\n  decision_wait_after_root_received: 500ms\n",
			`    - {name: failed, type: status_code, status_code: {status_codes: [ERROR]}}
    - {name: slow, type: latency, latency: {threshold_ms: 1000}}
`},
		{"late_after_root_long", "late", `longer than what is left: nothing changes`, "  decision_wait: 3s\n  decision_wait_after_root_received: 10s\n",
			`    - {name: failed, type: status_code, status_code: {status_codes: [ERROR]}}
    - {name: slow, type: latency, latency: {threshold_ms: 1000}}
`},
		{"late_wait_fraction", "late", `a wait is cut to whole seconds`, "  decision_wait: 2900ms\n",
			`    - {name: failed, type: status_code, status_code: {status_codes: [ERROR]}}
    - {name: slow, type: latency, latency: {threshold_ms: 1000}}
`},
		{"late_wait_short", "late", `and is at least one`, "  decision_wait: 100ms\n",
			`    - {name: failed, type: status_code, status_code: {status_codes: [ERROR]}}
    - {name: slow, type: latency, latency: {threshold_ms: 1000}}
`},
		{"crowd_forgotten", "crowd", `num_traces forgets decided traces too: late spans are decided anew, by themselves`,
			"  decision_wait: 1s\n  num_traces: 9\n",
			`    - {name: failed, type: status_code, status_code: {status_codes: [ERROR]}}
    - {name: some, type: probabilistic, probabilistic: {sampling_percentage: 50}}
`},
		{"crowd_evicted", "crowd", `at num_traces the oldest is thrown away undecided`, "  decision_wait: 2s\n  num_traces: 8\n",
			`    - {name: all, type: always_sample}
`},
		{"crowd_room", "crowd", `as many as there are`, "  decision_wait: 2s\n  num_traces: 20\n",
			`    - {name: all, type: always_sample}
`},
		{"crowd_cached", "crowd", `with caches a decided trace makes room`, "  decision_wait: 2s\n  num_traces: 8\n  decision_cache: {sampled_cache_size: 100, non_sampled_cache_size: 100}\n",
			`    - {name: all, type: always_sample}
`},
		{"config_underscores", "crowd", `whole numbers may have underscores`, "  decision_wait: 2s\n  num_traces: 1_000\n",
			`    - {name: all, type: always_sample}
`},
		{"config_wait_without_unit", "late", `a number without a unit is nanoseconds, so the shortest wait there is`,
			"  decision_wait: 10\n",
			`    - {name: all, type: always_sample}
`},
		{"config_misspelled_block", "latency", `a block that is not the type's own is ignored: the threshold is 0`, "",
			`    - {name: slow, type: latency, latencies: {threshold_ms: 5000}}
`},
		{"config_other_block", "latency", `so is the block of another type`, "",
			`    - {name: slow, type: latency, span_count: {min_spans: 7}, latency: {threshold_ms: 100}}
`},
		{"config_real_for_whole", "latency", `a real number where a whole one belongs is cut`, "",
			`    - {name: slow, type: latency, latency: {threshold_ms: 100.9}}
`},
		{"config_text_for_list", "attributes", `one text where a list belongs is a list of one`, "",
			`    - {name: text, type: string_attribute, string_attribute: {key: key, values: value1}}
`},
		{"config_same_sub_names", "shapes", `names must differ among policies, not among sub-policies`, "",
			`    - {name: both, type: and, and: {and_sub_policy: [{name: both, type: span_count, span_count: {min_spans: 3}}, {name: both, type: status_code, status_code: {status_codes: [ERROR]}}]}}
`},
		{"config_no_sub_names", "shapes", `sub-policies need no name`, "",
			`    - {name: both, type: and, and: {and_sub_policy: [{type: span_count, span_count: {min_spans: 3}}, {type: status_code, status_code: {status_codes: [ERROR]}}]}}
`},
		{"size_400", "shapes", `a trace of more than 400 bytes is thrown away without a vote`, "  decision_wait: 2s\n  maximum_trace_size_bytes: 400\n",
			`    - {name: all, type: always_sample}
`},
		{"size_1", "shapes", `smaller than any`, "  decision_wait: 2s\n  maximum_trace_size_bytes: 1\n",
			`    - {name: all, type: always_sample}
`},
	}
}

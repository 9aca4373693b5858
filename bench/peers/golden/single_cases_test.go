package golden

// Policies by themselves.
func singleCases() []policyCase {
	return []policyCase{
		{"latency_100", "latency", `more than 100 ms, in whole milliseconds`, "",
			`    - {name: slow, type: latency, latency: {threshold_ms: 100}}
`},
		{"latency_100_to_200", "latency", `with an upper bound it depends on the order of spans: kept once any first ones of them last 100 to 200 ms`, "",
			`    - {name: slow, type: latency, latency: {threshold_ms: 100, upper_threshold_ms: 200}}
`},
		{"latency_0", "latency", `a threshold of 0: from 1 ms on`, "",
			`    - {name: slow, type: latency}
`},
		{"latency_upper_only", "latency", `an upper bound alone`, "",
			`    - {name: slow, type: latency, latency: {upper_threshold_ms: 200}}
`},
		{"latency_upper_below", "latency", `an upper bound below the threshold: none`, "",
			`    - {name: slow, type: latency, latency: {threshold_ms: 200, upper_threshold_ms: 100}}
`},
		{"latency_negative", "latency", `a negative threshold`, "",
			`    - {name: slow, type: latency, latency: {threshold_ms: -1}}
`},
		{"numeric_5_to_10", "attributes", `both ends belong to it; spans and resources`, "",
			`    - {name: number, type: numeric_attribute, numeric_attribute: {key: key, min_value: 5, max_value: 10}}
`},
		{"numeric_min_only", "attributes", `max_value 0 is none`, "",
			`    - {name: number, type: numeric_attribute, numeric_attribute: {key: key, min_value: 5, max_value: 0}}
`},
		{"numeric_max_only", "attributes", `min_value 0 is none: negative numbers too; what is no whole number counts as 0`, "",
			`    - {name: number, type: numeric_attribute, numeric_attribute: {key: key, min_value: 0, max_value: 10}}
`},
		{"numeric_negative", "attributes", `what is no whole number counts as 0`, "",
			`    - {name: number, type: numeric_attribute, numeric_attribute: {key: key, min_value: -1, max_value: 4}}
`},
		{"numeric_empty_range", "attributes", `the ends the wrong way round`, "",
			`    - {name: number, type: numeric_attribute, numeric_attribute: {key: key, min_value: 10, max_value: 5}}
`},
		{"numeric_invert", "attributes", `invert_match: kept unless any value lies in it`, "",
			`    - {name: number, type: numeric_attribute, numeric_attribute: {key: key, min_value: 5, max_value: 10, invert_match: true}}
`},
		{"numeric_invert_max_only", "attributes", `invert_match where what is no whole number counts as 0`, "",
			`    - {name: number, type: numeric_attribute, numeric_attribute: {key: key, max_value: 10, invert_match: true}}
`},
		{"string_exact", "attributes", `exact values of spans and resources; neither events nor scopes`, "",
			`    - {name: text, type: string_attribute, string_attribute: {key: key, values: [value1]}}
`},
		{"string_two", "attributes", `either of two`, "",
			`    - {name: text, type: string_attribute, string_attribute: {key: key, values: [value1, value2]}}
`},
		{"string_empty_value", "attributes", `an empty value matches nothing`, "",
			`    - {name: text, type: string_attribute, string_attribute: {key: key, values: [""]}}
`},
		{"string_no_values", "attributes", `no values match nothing`, "",
			`    - {name: text, type: string_attribute, string_attribute: {key: key, values: []}}
`},
		{"string_regex", "attributes", `a regular expression is not anchored`, "",
			`    - {name: text, type: string_attribute, string_attribute: {key: key, values: [value1], enabled_regex_matching: true}}
`},
		{"string_regex_anchored", "attributes", `anchored by its own`, "",
			`    - {name: text, type: string_attribute, string_attribute: {key: key, values: ['^value[0-9]$'], enabled_regex_matching: true, cache_max_size: 2}}
`},
		{"string_regex_all", "attributes", `an expression that matches the empty text: of a resource whatever has the key, of a span what is text and not empty`, "",
			`    - {name: text, type: string_attribute, string_attribute: {key: key, values: ['.*'], enabled_regex_matching: true}}
`},
		{"string_regex_case", "attributes", `without case`, "",
			`    - {name: text, type: string_attribute, string_attribute: {key: key, values: ['(?i)^VALUE1$'], enabled_regex_matching: true}}
`},
		{"string_regex_no_values", "attributes", `no expressions match nothing`, "",
			`    - {name: text, type: string_attribute, string_attribute: {key: key, values: [], enabled_regex_matching: true}}
`},
		{"string_invert", "attributes", `invert_match: kept unless any value matches; kept where the key is missing`, "",
			`    - {name: text, type: string_attribute, string_attribute: {key: key, values: [value1], invert_match: true}}
`},
		{"string_invert_regex", "attributes", `the same with expressions`, "",
			`    - {name: text, type: string_attribute, string_attribute: {key: key, values: ['value', '^5$'], enabled_regex_matching: true, invert_match: true}}
`},
		{"string_invert_regex_all", "attributes", `an expression that matches the empty text, inverted`, "",
			`    - {name: text, type: string_attribute, string_attribute: {key: key, values: ['.*'], enabled_regex_matching: true, invert_match: true}}
`},
		{"string_of_numbers", "attributes", `a number is no text`, "",
			`    - {name: text, type: string_attribute, string_attribute: {key: key, values: ["5", "0", "true"]}}
`},
		{"boolean_true", "attributes", `true of spans and resources`, "",
			`    - {name: truth, type: boolean_attribute, boolean_attribute: {key: key, value: true}}
`},
		{"boolean_false", "attributes", `false: also whatever is no boolean`, "",
			`    - {name: truth, type: boolean_attribute, boolean_attribute: {key: key, value: false}}
`},
		{"boolean_default", "attributes", `value left out is false`, "",
			`    - {name: truth, type: boolean_attribute, boolean_attribute: {key: key}}
`},
		{"boolean_invert_true", "attributes", `kept unless a value is true`, "",
			`    - {name: truth, type: boolean_attribute, boolean_attribute: {key: key, value: true, invert_match: true}}
`},
		{"boolean_invert_false", "attributes", `kept unless a value is false or no boolean`, "",
			`    - {name: truth, type: boolean_attribute, boolean_attribute: {key: key, value: false, invert_match: true}}
`},
		{"probabilistic_0", "ids", `0 %`, "",
			`    - {name: share, type: probabilistic, probabilistic: {sampling_percentage: 0}}
`},
		{"probabilistic_0_1", "ids", `0.1 %`, "",
			`    - {name: share, type: probabilistic, probabilistic: {sampling_percentage: 0.1}}
`},
		{"probabilistic_1", "ids", `1 %`, "",
			`    - {name: share, type: probabilistic, probabilistic: {sampling_percentage: 1}}
`},
		{"probabilistic_5", "ids", `5 %`, "",
			`    - {name: share, type: probabilistic, probabilistic: {sampling_percentage: 5}}
`},
		{"probabilistic_10", "ids", `10 %`, "",
			`    - {name: share, type: probabilistic, probabilistic: {sampling_percentage: 10}}
`},
		{"probabilistic_22_25", "ids", `22.25 %`, "",
			`    - {name: share, type: probabilistic, probabilistic: {sampling_percentage: 22.25}}
`},
		{"probabilistic_50", "ids", `50 %`, "",
			`    - {name: share, type: probabilistic, probabilistic: {sampling_percentage: 50}}
`},
		{"probabilistic_99_9", "ids", `99.9 %`, "",
			`    - {name: share, type: probabilistic, probabilistic: {sampling_percentage: 99.9}}
`},
		{"probabilistic_100", "ids", `100 %`, "",
			`    - {name: share, type: probabilistic, probabilistic: {sampling_percentage: 100}}
`},
		{"probabilistic_150", "ids", `more than 100 % is all`, "",
			`    - {name: share, type: probabilistic, probabilistic: {sampling_percentage: 150}}
`},
		{"probabilistic_negative", "ids", `less than 0 % is none`, "",
			`    - {name: share, type: probabilistic, probabilistic: {sampling_percentage: -10}}
`},
		{"probabilistic_default", "ids", `no percentage is 0`, "",
			`    - {name: share, type: probabilistic, probabilistic: {}}
`},
		{"probabilistic_1_salt", "ids", `1 % with another salt`, "",
			`    - {name: share, type: probabilistic, probabilistic: {hash_salt: custom-salt, sampling_percentage: 1}}
`},
		{"probabilistic_10_salt", "ids", `10 % with another salt`, "",
			`    - {name: share, type: probabilistic, probabilistic: {hash_salt: custom-salt, sampling_percentage: 10}}
`},
		{"probabilistic_10_salt_text", "ids", `10 % with a salt of more than ASCII`, "",
			`    - {name: share, type: probabilistic, probabilistic: {hash_salt: 'ünïcode 22', sampling_percentage: 10}}
`},
		{"probabilistic_10_default_salt", "ids", `the salt that is used where none is given`, "",
			`    - {name: share, type: probabilistic, probabilistic: {hash_salt: default-hash-seed, sampling_percentage: 10}}
`},
		{"status_error", "shapes", `a span with an error`, "",
			`    - {name: status, type: status_code, status_code: {status_codes: [ERROR]}}
`},
		{"status_ok", "shapes", `a span with ok`, "",
			`    - {name: status, type: status_code, status_code: {status_codes: [OK]}}
`},
		{"status_unset", "shapes", `a span without: also of traces that have an error elsewhere`, "",
			`    - {name: status, type: status_code, status_code: {status_codes: [UNSET]}}
`},
		{"status_ok_error", "shapes", `either`, "",
			`    - {name: status, type: status_code, status_code: {status_codes: [OK, ERROR]}}
`},
		{"status_not_error", "shapes", `no span with an error`, "",
			`    - {name: fine, type: not, not: {not_sub_policy: {name: failed, type: status_code, status_code: {status_codes: [ERROR]}}}}
`},
		{"span_count_3", "shapes", `3 spans or more`, "",
			`    - {name: count, type: span_count, span_count: {min_spans: 3}}
`},
		{"span_count_3_to_5", "shapes", `3 to 5`, "",
			`    - {name: count, type: span_count, span_count: {min_spans: 3, max_spans: 5}}
`},
		{"span_count_to_4", "shapes", `up to 4`, "",
			`    - {name: count, type: span_count, span_count: {max_spans: 4}}
`},
		{"span_count_default", "shapes", `neither: all`, "",
			`    - {name: count, type: span_count}
`},
		{"span_count_wrong", "shapes", `the ends the wrong way round`, "",
			`    - {name: count, type: span_count, span_count: {min_spans: 5, max_spans: 3}}
`},
		{"always", "shapes", `all`, "",
			`    - {name: all, type: always_sample}
`},
		{"trace_state", "contexts", `exact values; a tracestate with a mistake matches nothing`, "",
			`    - {name: state, type: trace_state, trace_state: {key: key, values: [value1, value2]}}
`},
		{"trace_state_empty", "contexts", `an empty value matches nothing`, "",
			`    - {name: state, type: trace_state, trace_state: {key: key, values: [""]}}
`},
		{"trace_state_ot", "contexts", `a member of several fields is one text`, "",
			`    - {name: state, type: trace_state, trace_state: {key: ot, values: ["th:8;rv:abcdef01234567"]}}
`},
		{"trace_flags", "contexts", `bit 0 of any span`, "",
			`    - {name: flagged, type: trace_flags}
`},
	}
}

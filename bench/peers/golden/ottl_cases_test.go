package golden

// ottl_condition.
func ottlCases() []policyCase {
	return []policyCase{
		{"ottl_equal", "ottl", `an attribute of a span alone`, "",
			`    - {name: condition, type: ottl_condition, ottl_condition: {span: ['attributes["key"] == "value1"']}}
`},
		{"ottl_not_equal", "ottl", `a missing attribute is nil, which differs from every text`, "",
			`    - {name: condition, type: ottl_condition, ottl_condition: {span: ['attributes["key"] != "value1"']}}
`},
		{"ottl_or_list", "ottl", `conditions of a list are alternatives`, "",
			`    - {name: condition, type: ottl_condition, ottl_condition: {span: ['attributes["key"] == "value1"', 'attributes["key"] == "value2"']}}
`},
		{"ottl_and", "ottl", `and`, "",
			`    - {name: condition, type: ottl_condition, ottl_condition: {span: ['resource.attributes["env"] == "prod" and attributes["key"] == "value1"']}}
`},
		{"ottl_or_and", "ottl", `and binds stronger than or`, "",
			`    - {name: condition, type: ottl_condition, ottl_condition: {span: ['attributes["key"] == "value2" or attributes["key"] == "value1" and name == "x"']}}
`},
		{"ottl_not", "ottl", `not`, "",
			`    - {name: condition, type: ottl_condition, ottl_condition: {span: ['not (attributes["key"] == "value1")']}}
`},
		{"ottl_nil", "ottl", `present and not`, "",
			`    - {name: condition, type: ottl_condition, ottl_condition: {span: ['attributes["key"] != nil']}}
`},
		{"ottl_is_nil", "ottl", `missing`, "",
			`    - {name: condition, type: ottl_condition, ottl_condition: {span: ['attributes["key"] == nil']}}
`},
		{"ottl_int", "ottl", `a whole number; a real of the same value equals it`, "",
			`    - {name: condition, type: ottl_condition, ottl_condition: {span: ['attributes["key"] == 5']}}
`},
		{"ottl_greater", "ottl", `whole and real numbers`, "",
			`    - {name: condition, type: ottl_condition, ottl_condition: {span: ['attributes["key"] > 5']}}
`},
		{"ottl_greater_equal", "ottl", `whole and real numbers`, "",
			`    - {name: condition, type: ottl_condition, ottl_condition: {span: ['attributes["key"] >= 5']}}
`},
		{"ottl_less", "ottl", `whole and real numbers`, "",
			`    - {name: condition, type: ottl_condition, ottl_condition: {span: ['attributes["key"] < 5']}}
`},
		{"ottl_real", "ottl", `compared with a real`, "",
			`    - {name: condition, type: ottl_condition, ottl_condition: {span: ['attributes["key"] == 7.5']}}
`},
		{"ottl_bool", "ottl", `true`, "",
			`    - {name: condition, type: ottl_condition, ottl_condition: {span: ['attributes["key"] == true']}}
`},
		{"ottl_bool_false", "ottl", `false`, "",
			`    - {name: condition, type: ottl_condition, ottl_condition: {span: ['attributes["key"] == false']}}
`},
		{"ottl_text_greater", "ottl", `texts are compared too`, "",
			`    - {name: condition, type: ottl_condition, ottl_condition: {span: ['attributes["key"] > "value1"']}}
`},
		{"ottl_is_match", "ottl", `an expression that is not anchored; numbers are matched as text`, "",
			`    - {name: condition, type: ottl_condition, ottl_condition: {span: ['IsMatch(attributes["key"], "value")']}}
`},
		{"ottl_is_match_number", "ottl", `numbers are matched as text`, "",
			`    - {name: condition, type: ottl_condition, ottl_condition: {span: ['IsMatch(attributes["key"], "^5")']}}
`},
		{"ottl_is_match_name", "ottl", `of a name`, "",
			`    - {name: condition, type: ottl_condition, ottl_condition: {span: ['IsMatch(name, "^GET /")']}}
`},
		{"ottl_is_match_not", "ottl", `not of it`, "",
			`    - {name: condition, type: ottl_condition, ottl_condition: {span: ['not IsMatch(name, "health")']}}
`},
		{"ottl_is_match_missing", "ottl", `of what is missing: false`, "",
			`    - {name: condition, type: ottl_condition, ottl_condition: {span: ['IsMatch(attributes["missing"], ".*")']}}
`},
		{"ottl_name", "ottl", `a name`, "",
			`    - {name: condition, type: ottl_condition, ottl_condition: {span: ['name == "GET /health"']}}
`},
		{"ottl_kind", "ottl", `kind by number`, "",
			`    - {name: condition, type: ottl_condition, ottl_condition: {span: ['kind == 2']}}
`},
		{"ottl_kind_enum", "ottl", `kind by name`, "",
			`    - {name: condition, type: ottl_condition, ottl_condition: {span: ['kind == SPAN_KIND_SERVER']}}
`},
		{"ottl_kind_string", "ottl", `kind.string`, "",
			`    - {name: condition, type: ottl_condition, ottl_condition: {span: ['kind.string == "Server"']}}
`},
		{"ottl_status", "ottl", `status.code by number`, "",
			`    - {name: condition, type: ottl_condition, ottl_condition: {span: ['status.code == 2']}}
`},
		{"ottl_status_enum", "ottl", `status.code by name`, "",
			`    - {name: condition, type: ottl_condition, ottl_condition: {span: ['status.code == STATUS_CODE_ERROR']}}
`},
		{"ottl_service", "ottl", `resource.attributes`, "",
			`    - {name: condition, type: ottl_condition, ottl_condition: {span: ['resource.attributes["service.name"] == "checkout"']}}
`},
		{"ottl_scope", "ottl", `instrumentation scope`, "",
			`    - {name: condition, type: ottl_condition, ottl_condition: {span: ['instrumentation_scope.name == "library"']}}
`},
		{"ottl_root", "ottl", `a root by its parent`, "",
			`    - {name: condition, type: ottl_condition, ottl_condition: {span: ['parent_span_id == SpanID(0x0000000000000000)']}}
`},
		{"ottl_root_string", "ottl", `a root by the text of its parent`, "",
			`    - {name: condition, type: ottl_condition, ottl_condition: {span: ['parent_span_id.string == ""']}}
`},
		{"ottl_is_root", "ottl", `IsRootSpan()`, "",
			`    - {name: condition, type: ottl_condition, ottl_condition: {span: ['not IsRootSpan()']}}
`},
		{"ottl_duration", "ottl", `end less start, in nanoseconds`, "",
			`    - {name: condition, type: ottl_condition, ottl_condition: {span: ['end_time_unix_nano - start_time_unix_nano > 1000000000']}}
`},
		{"ottl_event", "ottl", `an event by its name`, "",
			`    - {name: condition, type: ottl_condition, ottl_condition: {spanevent: ['name == "exception"']}}
`},
		{"ottl_event_attribute", "ottl", `an event by an attribute`, "",
			`    - {name: condition, type: ottl_condition, ottl_condition: {spanevent: ['attributes["exception.type"] == "Timeout"']}}
`},
		{"ottl_event_or_span", "ottl", `either`, "",
			`    - {name: condition, type: ottl_condition, ottl_condition: {span: ['attributes["key"] == "value2"'], spanevent: ['name == "exception"']}}
`},
		{"ottl_event_not", "ottl", `any event of another name; a span without events has none`, "",
			`    - {name: condition, type: ottl_condition, ottl_condition: {spanevent: ['name != "exception"']}}
`},
		{"ottl_event_span", "ottl", `of an event: its span`, "",
			`    - {name: condition, type: ottl_condition, ottl_condition: {spanevent: ['span.name == "an event"']}}
`},
		{"ottl_event_resource", "ottl", `of an event: its resource`, "",
			`    - {name: condition, type: ottl_condition, ottl_condition: {spanevent: ['resource.attributes["env"] == "prod"']}}
`},
		{"ottl_trace_state", "ottl", `a member of tracestate`, "",
			`    - {name: condition, type: ottl_condition, ottl_condition: {span: ['trace_state["key"] == "value1"']}}
`},
		{"ottl_with_context", "ottl", `paths with their context`, "",
			`    - {name: condition, type: ottl_condition, ottl_condition: {span: ['span.attributes["key"] == "value1"']}}
`},
		{"ottl_error_default", "ottl", `a condition that fails is passed over where error_mode is left out`, "",
			`    - {name: condition, type: ottl_condition, ottl_condition: {span: ['Len(attributes["key"]) == 6']}}
`},
		{"ottl_error_propagate", "ottl", `with propagate the policy has no vote on a trace after the first condition that fails`, "",
			`    - {name: condition, type: ottl_condition, ottl_condition: {error_mode: propagate, span: ['Len(attributes["key"]) == 6']}}
`},
		{"ottl_error_ignore", "ottl", `with ignore it goes on`, "",
			`    - {name: condition, type: ottl_condition, ottl_condition: {error_mode: ignore, span: ['Len(attributes["key"]) == 6']}}
`},
		{"ottl_error_silent", "ottl", `with silent it goes on`, "",
			`    - {name: condition, type: ottl_condition, ottl_condition: {error_mode: silent, span: ['Len(attributes["key"]) == 6']}}
`},
		{"ottl_substring", "ottl", `Substring()`, "",
			`    - {name: condition, type: ottl_condition, ottl_condition: {span: ['Substring(attributes["key"], 0, 3) == "val"']}}
`},
		{"ottl_int_of_text", "ottl", `Int() of a text`, "",
			`    - {name: condition, type: ottl_condition, ottl_condition: {span: ['Int(attributes["key"]) == 0']}}
`},
		{"ottl_len", "ottl", `Len()`, "",
			`    - {name: condition, type: ottl_condition, ottl_condition: {span: ['Len(attributes["key"]) == 6']}}
`},
		{"ottl_concat", "ottl", `Concat()`, "",
			`    - {name: condition, type: ottl_condition, ottl_condition: {span: ['Concat([resource.attributes["env"], attributes["key"]], "-") == "prod-value1"']}}
`},
		{"ottl_constant", "ottl", `a constant`, "",
			`    - {name: condition, type: ottl_condition, ottl_condition: {span: ['true']}}
`},
		{"ottl_swapped", "ottl", `the constant on the left`, "",
			`    - {name: condition, type: ottl_condition, ottl_condition: {span: ['"value1" == attributes["key"]']}}
`},
		{"ottl_list", "ottl", `an attribute that is a list`, "",
			`    - {name: condition, type: ottl_condition, ottl_condition: {span: ['attributes["key"] == ["value1"]']}}
`},
		{"ottl_error_beside", "ottl", `a policy that failed does not stand in the way of the others`, "",
			`    - {name: condition, type: ottl_condition, ottl_condition: {error_mode: propagate, span: ['Len(attributes["key"]) == 6']}}
    - {name: servers, type: ottl_condition, ottl_condition: {span: ['kind == 2 or attributes["key"] == 5']}}
`},
		{"not_ottl", "ottl", `not of a condition`, "",
			`    - {name: other, type: not, not: {not_sub_policy: {name: condition, type: ottl_condition, ottl_condition: {span: ['IsMatch(name, "health")']}}}}
`},
	}
}

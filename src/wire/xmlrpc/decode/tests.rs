use super::*;

fn value(xml: &str) -> Option<Value> {
    let body = format!(
        "<?xml version='1.0'?>\n<methodCall>\n<methodName>m</methodName>\n<params>\n<param>\n\
         {xml}\n</param>\n</params>\n</methodCall>\n"
    );
    match method_call(body.as_bytes()) {
        Ok(call) => Some(call.params.into_iter().next().expect("one parameter was given")),
        Err(_) => None,
    }
}

fn typed(xml: &str) -> Option<Value> {
    value(&format!("<value>{xml}</value>"))
}

// C-061 to C-063
#[test]
fn all_types() {
    let rows = [
        ("<int>5</int>", Value::Int(5)),
        ("<i4> -5\n</i4>", Value::Int(-5)),
        ("<i8>+9999999999</i8>", Value::Int(9_999_999_999)),
        ("<int>99999999999999999999</int>", Value::Int(i64::MAX)),
        ("<boolean>1</boolean>", Value::Bool(true)),
        ("<boolean>true</boolean>", Value::Bool(false)),
        ("<string>a &amp; &#233;&#xe9;</string>", "a & éé".into()),
        ("<string/>", "".into()),
        ("<string></string>", "".into()),
        ("plain", "plain".into()),
        ("", "".into()),
        (" x ", " x ".into()),
        ("<double>-1.5</double>", Value::Double(-1.5)),
        ("<dateTime.iso8601>20240102T03:04:05</dateTime.iso8601>", "20240102T03:04:05".into()),
        ("<base64>G1sx\n bQ==</base64>", Value::Bytes(b"\x1b[1m".to_vec())),
        ("<base64>/w</base64>", Value::Bytes(b"\xff".to_vec())),
        ("<nil/>", Value::Nil),
        ("<array><data/></array>", Value::Array(vec![])),
        ("<array/>", Value::Array(vec![])),
        ("<struct/>", Value::Struct(vec![])),
        ("<string>a<![CDATA[<&>]]>b<!-- c -->d</string>", "a<&>bd".into()),
        ("<string>a\r\nb\rc&#13;</string>", "a\nb\nc\r".into()),
        ("<string>a\u{85}b\u{2028}c</string>", "a\u{85}b\u{2028}c".into()),
    ];
    for (xml, expected) in rows {
        assert_eq!(typed(xml), Some(expected), "{xml}");
    }
}

#[test]
fn nested_values() {
    let xml = "<array> <data> <value><int>1</int></value>\n<value> <struct> <member> <name>a</name> \
               <value>b</value> </member> </struct> </value> </data> </array>";
    let inner = Value::record([("a", "b".into())]);
    assert_eq!(typed(xml), Some(Value::Array(vec![1.into(), inner])));
}

// C-065
#[test]
fn what_may_be_missing_or_added() {
    let bodies = [
        "<methodCall><methodName>m</methodName></methodCall>",
        "<?xml version=\"1.0\" encoding=\"iso-8859-1\"?>\n<!-- c -->\n<methodCall><methodName>m</methodName>\
         <params/></methodCall>\n<!-- d -->\n",
        "<methodCall><params></params><methodName>m</methodName><other><x>y</x></other></methodCall>",
        "\u{feff}<methodCall><methodName><![CDATA[m]]></methodName ></methodCall>",
    ];
    for body in bodies {
        let expected = MethodCall { name: "m".into(), params: vec![] };
        assert_eq!(method_call(body.as_bytes()), Ok(expected), "{body}");
    }
}

// C-066
#[test]
fn malformed_calls() {
    use MalformedCall::{NoMethodName, Unmarshallable};

    let rows: [(&[u8], MalformedCall); 14] = [
        (b"", Unmarshallable),
        (b"   ", Unmarshallable),
        (b"garbage", Unmarshallable),
        (b"\xff\xfe", Unmarshallable),
        (b"<methodCall>", Unmarshallable),
        (b"<methodCall></methodCall>", NoMethodName),
        (b"<methodCall><methodName/></methodCall>", NoMethodName),
        (b"<methodCall><methodName>m</methodName>", Unmarshallable),
        (b"<methodCall><methodName>m</name></methodCall>", Unmarshallable),
        (b"<methodCall><methodName>m</methodName></methodCall>x", Unmarshallable),
        (b"<methodCall><methodName>m</methodName></methodCall><a/>", Unmarshallable),
        (b"<methodCall>x<methodName>m</methodName></methodCall>", Unmarshallable),
        (b"<methodResponse><methodName>m</methodName></methodResponse>", Unmarshallable),
        (b"<methodCall><methodName>a&nbsp;</methodName></methodCall>", Unmarshallable),
    ];
    for (body, expected) in rows {
        assert_eq!(method_call(body), Err(expected), "{}", String::from_utf8_lossy(body));
    }
    for xml in ["<int></int>", "<int>x</int>", "<double/>", "<int>1</int>x", "<int>1</int><int>2</int>"] {
        assert_eq!(typed(xml), None, "{xml}");
    }
}

// XML 1.0 has no place for these, not even as references
#[test]
fn forbidden_characters() {
    for xml in ["\0", "\x1b", "&#0;", "&#27;", "&#xffff;", "&#xd800;", "<![CDATA[\x01]]>", "&#x110000;"] {
        assert_eq!(typed(xml), None, "{xml:?}");
    }
}

// C-079
#[test]
fn document_types_are_refused() {
    let body = "<!DOCTYPE m [<!ENTITY a \"b\">]><methodCall><methodName>&a;</methodName></methodCall>";
    assert_eq!(method_call(body.as_bytes()), Err(MalformedCall::Unmarshallable));
}

#[test]
fn nesting_is_bounded() {
    let nested =
        |n: usize| format!("{}1{}", "<array><data><value>".repeat(n), "</value></data></array>".repeat(n));
    assert!(typed(&nested(MAX_DEPTH)).is_some());
    assert!(typed(&nested(MAX_DEPTH + 1)).is_none());
    assert!(typed(&nested(100_000)).is_none());
}

#[test]
fn every_cut_and_flip_of_a_call_is_survived() {
    let body = "<?xml version='1.0'?><methodCall><!-- é --><methodName>a.b</methodName><params><param><value>\
                <struct><member><name>n</name><value><base64>AAA=</base64></value></member></struct></value>\
                </param><param><value><![CDATA[x]]>&#65;&lt;</value></param></params></methodCall>";
    assert!(method_call(body.as_bytes()).is_ok());
    for end in 0..body.len() {
        assert!(method_call(&body.as_bytes()[..end]).is_err(), "cut at {end}");
        for byte in [0, b'<', b'>', b'&', b';', b'/', b'!', 0xff] {
            let mut flipped = body.as_bytes().to_vec();
            flipped[end] = byte;
            let _ = method_call(&flipped);
        }
    }
}

#[test]
fn answers() {
    let answer = |inner: &str| {
        method_response(format!("<?xml version='1.0'?><methodResponse>{inner}</methodResponse>").as_bytes())
    };
    let value = answer("<params><param><value><string>a\u{1b}[1m</string></value></param></params>");
    assert_eq!(value, Some(Answer::Value("a\u{1b}[1m".into())), "control characters are taken");
    let whole = "<fault><value><struct><member><name>faultCode</name><value><int>1</int></value></member>\
                 <member><name>faultString</name><value><string>X</string></value></member></struct></value></fault>";
    assert_eq!(answer(whole), Some(Answer::Fault { code: 1, text: "X".into() }));
    for broken in [
        "",
        "<params></params>",
        "<params><param><value>x</param></params>",
        "<fault><value>1</value></fault>",
        "<fault></fault>",
        "x",
    ] {
        assert_eq!(answer(broken), None, "{broken}");
    }
    assert_eq!(method_response(b"<html></html>"), None);
    assert_eq!(method_response(b"<methodResponse>\xff"), None);
}

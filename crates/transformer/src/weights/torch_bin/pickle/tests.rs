//! Pickles written by hand.

use super::value::Global;
use super::*;

/// Runs these instructions between the protocol and the stop.
fn run(instructions: &[u8]) -> Result<Pickle, PickleError> {
    Pickle::read(&[&[op::PROTO, 2], instructions, b"."].concat())
}

fn int(instructions: &[u8]) -> i64 {
    match run(instructions).unwrap().root() {
        Value::Int(i) => *i,
        other => panic!("{other:?}"),
    }
}

fn damage(instructions: &[u8]) -> &'static str {
    match run(instructions) {
        Err(PickleError::Damaged { what, .. }) => what,
        other => panic!("{other:?}"),
    }
}

#[test]
fn integers_of_all_lengths() {
    assert_eq!(int(b"K\xFF"), 255);
    assert_eq!(int(b"M\x01\xFF"), 0xFF01);
    assert_eq!(int(b"J\xFE\xFF\xFF\xFF"), -2);
    assert_eq!(int(b"\x8A\x00"), 0);
    assert_eq!(int(b"\x8A\x02\x00\x80"), -32768);
    assert_eq!(int(b"\x8A\x05\x00\x00\x00\x00\x01"), 1 << 32);
    assert_eq!(damage(b"\x8A\x09\0\0\0\0\0\0\0\0\x01"), "an integer has more than 64 bits");
}

#[test]
fn items_reach_the_dictionary_below_the_mark() {
    let pickle = run(b"}(X\x01\0\0\0aK\x01X\x01\0\0\0bK\x02uX\x01\0\0\0cNs").unwrap();
    let Value::Dict(items) = pickle.root() else { panic!() };
    let names: Vec<_> = items.iter().map(|&(key, _)| pickle.value(key)).collect();
    assert!(matches!(names[..], [Value::Text(a), Value::Text(b), Value::Text(c)] if [a, b, c] == ["a", "b", "c"]));
    assert!(matches!(pickle.value(items[1].1), Value::Int(2)));
}

#[test]
fn what_is_remembered_is_the_same_value() {
    let pickle = run(b"K\x07q\x05h\x05r\x01\x02\x03\x04j\x01\x02\x03\x04\x87").unwrap();
    let Value::Tuple(items) = pickle.root() else { panic!() };
    assert_eq!(items[..], [items[0]; 3]);
}

#[test]
fn only_what_tensors_need_may_be_imported() {
    assert!(matches!(run(b"ctorch\nHalfStorage\n").unwrap().root(), Value::Global(Global::Storage(_))));
    for (import, global) in [
        (&b"cos\nsystem\n"[..], "os.system"),
        (b"cposix\nsystem\n", "posix.system"),
        (b"cbuiltins\neval\n", "builtins.eval"),
        (b"ctorch\nload\n", "torch.load"),
        (b"ctorch._utils\n_rebuild_tensor_v2.__class__\n", "torch._utils._rebuild_tensor_v2.__class__"),
        (b"ccollections\n\n", "collections."),
    ] {
        assert_eq!(run(import).unwrap_err(), PickleError::Refused { global: global.into() });
    }
    let storage = "ComplexFloatStorage".to_string();
    assert_eq!(run(b"ctorch\nComplexFloatStorage\n").unwrap_err(), PickleError::Storage { storage });
}

#[test]
fn other_ways_to_import_or_call_are_no_instructions() {
    // INST, OBJ, STACK_GLOBAL, EXT1, NEWOBJ, and PERSID, which takes text
    for (opcode, rest) in
        [(b'i', &b"os\nsystem\n"[..]), (b'o', b""), (0x93, b""), (0x82, b"\x01"), (0x81, b""), (b'P', b"x\n")]
    {
        let error = run(&[&[opcode], rest].concat()).unwrap_err();
        assert_eq!(error, PickleError::Opcode { opcode, at: 2 });
    }
}

#[test]
fn what_contradicts_itself_is_damaged() {
    assert_eq!(damage(b""), "it ends with something left over");
    assert_eq!(damage(b"NN"), "it ends with something left over");
    assert_eq!(damage(b"N("), "it ends with something left over");
    assert_eq!(damage(b"N.N"), "it ends with something left over");
    assert_eq!(damage(b"t"), "a mark is missing");
    assert_eq!(damage(b"}(Nu"), "a key has no value");
    assert_eq!(damage(b"NNNs"), "items are put into what is no dictionary");
    assert_eq!(damage(b"h\x01"), "it recalls what it never remembered");
    assert_eq!(damage(b"ctorch"), "it ends within an import");
    assert_eq!(damage(b"X\xFF\xFF\xFF\xFFabc"), "it ends too early");
    assert_eq!(damage(b"X\x01\0\0\0\xFF"), "a string is not UTF-8");
    assert_eq!(damage(b"NN(\x85"), "its stack is empty"); // nothing above the mark
    assert_eq!(damage(b"ccollections\nOrderedDict\nNR"), "it calls something that cannot be called so");
    assert_eq!(damage(b"ctorch\nFloatStorage\n)R"), "it calls something that cannot be called so");
    assert_eq!(Pickle::read(b"\x80\x04N.").unwrap_err(), PickleError::Protocol);
}

#[test]
fn a_dictionary_within_itself_is_only_a_number() {
    let pickle = run(b"}q\x00X\x01\0\0\0ah\x00s").unwrap();
    assert!(matches!(pickle.root(), Value::Dict(items) if items[0].1 == pickle.root));
}

#[test]
fn deep_nesting_does_not_exhaust_the_stack_of_the_process() {
    let deep = [&b"N"[..], &[op::TUPLE1; 2_000_000]].concat();
    assert!(matches!(run(&deep).unwrap().root(), Value::Tuple(_)));
}

//! The machine that a pickle is a program for.

use super::error::PickleError;
use super::op;
use super::value::{Global, Id, Value};
use std::collections::HashMap;

type Step<T = ()> = Result<T, PickleError>;

/// The machine: a stack of values, a memory for those that come again, and the rest of the program.
#[derive(Default)]
pub(super) struct Machine<'a> {
    bytes: &'a [u8],
    at: usize,
    values: Vec<Value>,
    stack: Vec<Id>,
    /// Heights of the stack; nothing below the last one may be popped.
    marks: Vec<usize>,
    memo: HashMap<u32, Id>,
}

impl<'a> Machine<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, ..Self::default() }
    }

    /// Runs the whole program: all values that it built, and which of them is the result.
    pub(super) fn run(mut self) -> Step<(Vec<Value>, Id)> {
        if self.take(2)? != [op::PROTO, 2] {
            return Err(PickleError::Protocol);
        }
        loop {
            match self.byte()? {
                op::STOP => break,
                opcode => self.step(opcode)?,
            }
        }
        match self.stack[..] {
            [root] if self.marks.is_empty() && self.at == self.bytes.len() => Ok((self.values, root)),
            _ => Err(self.damaged("it ends with something left over")),
        }
    }

    fn step(&mut self, opcode: u8) -> Step {
        match opcode {
            op::NONE => self.push(Value::None),
            op::NEWTRUE | op::NEWFALSE => self.push(Value::Bool),
            op::BININT | op::BININT1 | op::BININT2 | op::LONG1 => self.integer(opcode)?,
            op::BINUNICODE => self.text()?,
            op::MARK => self.marks.push(self.stack.len()),
            op::TUPLE => self.tuple_from_mark()?,
            op::EMPTY_TUPLE => self.tuple(0)?,
            op::TUPLE1 => self.tuple(1)?,
            op::TUPLE2 => self.tuple(2)?,
            op::TUPLE3 => self.tuple(3)?,
            op::EMPTY_DICT => self.push(Value::Dict(Vec::new())),
            op::SETITEM => self.set_item()?,
            op::SETITEMS => self.set_items()?,
            op::BINPUT | op::LONG_BINPUT => self.remember(opcode)?,
            op::BINGET | op::LONG_BINGET => self.recall(opcode)?,
            op::GLOBAL => self.global()?,
            op::BINPERSID => {
                let place = self.pop()?;
                self.push(Value::Outside(place));
            }
            op::REDUCE => self.call()?,
            op::BUILD => self.build()?,
            opcode => return Err(PickleError::Opcode { opcode, at: self.at - 1 }),
        }
        Ok(())
    }

    fn integer(&mut self, opcode: u8) -> Step {
        let length = match opcode {
            op::BININT => 4,
            op::BININT1 => 1,
            op::BININT2 => 2,
            _ => usize::from(self.byte()?),
        };
        let signed = matches!(opcode, op::BININT | op::LONG1);
        let bytes = self.take(length)?;
        let integer = little_endian(bytes, signed).ok_or_else(|| self.damaged("an integer has more than 64 bits"))?;
        self.push(Value::Int(integer));
        Ok(())
    }

    fn text(&mut self) -> Step {
        let length = self.unsigned(4)?;
        let bytes = self.take(length as usize)?;
        let text = str::from_utf8(bytes).map_err(|_| self.damaged("a string is not UTF-8"))?;
        self.push(Value::Text(text.into()));
        Ok(())
    }

    fn tuple_from_mark(&mut self) -> Step {
        let items = self.pop_to_mark()?;
        self.push(Value::Tuple(items));
        Ok(())
    }

    fn tuple(&mut self, length: usize) -> Step {
        let height = self.stack.len().checked_sub(length).filter(|&height| height >= self.floor());
        let items = self.stack.split_off(height.ok_or_else(|| self.damaged("its stack is empty"))?);
        self.push(Value::Tuple(items));
        Ok(())
    }

    fn set_item(&mut self) -> Step {
        let (value, key) = (self.pop()?, self.pop()?);
        self.top_dict()?.push((key, value));
        Ok(())
    }

    fn set_items(&mut self) -> Step {
        let items = self.pop_to_mark()?;
        let (pairs, []) = items.as_chunks() else { return Err(self.damaged("a key has no value")) };
        self.top_dict()?.extend(pairs.iter().map(|&[key, value]| (key, value)));
        Ok(())
    }

    fn remember(&mut self, opcode: u8) -> Step {
        let place = self.unsigned(if opcode == op::BINPUT { 1 } else { 4 })?;
        let top = self.top()?;
        self.memo.insert(place, top);
        Ok(())
    }

    fn recall(&mut self, opcode: u8) -> Step {
        let place = self.unsigned(if opcode == op::BINGET { 1 } else { 4 })?;
        let id = *self.memo.get(&place).ok_or_else(|| self.damaged("it recalls what it never remembered"))?;
        self.stack.push(id);
        Ok(())
    }

    fn global(&mut self) -> Step {
        let (module, name) = (self.line()?, self.line()?);
        match Global::allowed(&module, &name) {
            Some(global) => self.push(Value::Global(global)),
            None if module == "torch" && name.ends_with("Storage") => {
                return Err(PickleError::Storage { storage: name });
            }
            None => return Err(PickleError::Refused { global: format!("{module}.{name}") }),
        }
        Ok(())
    }

    /// Only an empty ordered dictionary is made at once, because its items are put into it later.
    fn call(&mut self) -> Step {
        let (arguments, function) = (self.pop()?, self.pop()?);
        let value = match (&self.values[function], &self.values[arguments]) {
            (Value::Global(Global::OrderedDict), Value::Tuple(items)) if items.is_empty() => Value::Dict(Vec::new()),
            (Value::Global(function @ (Global::RebuildTensor | Global::RebuildParameter)), Value::Tuple(_)) => {
                Value::Call { function: *function, arguments }
            }
            _ => return Err(self.damaged("it calls something that cannot be called so")),
        };
        self.push(value);
        Ok(())
    }

    /// Attributes of a dictionary (`_metadata` of a module's `state_dict`) are of no use here.
    fn build(&mut self) -> Step {
        self.pop()?;
        self.top_dict().map(drop)
    }

    fn top_dict(&mut self) -> Step<&mut Vec<(Id, Id)>> {
        let (top, error) = (self.top()?, self.damaged("items are put into what is no dictionary"));
        match &mut self.values[top] {
            Value::Dict(items) => Ok(items),
            _ => Err(error),
        }
    }

    fn push(&mut self, value: Value) {
        self.stack.push(self.values.len());
        self.values.push(value);
    }

    fn top(&self) -> Step<Id> {
        self.stack[self.floor()..].last().copied().ok_or_else(|| self.damaged("its stack is empty"))
    }

    fn pop(&mut self) -> Step<Id> {
        let top = self.top()?;
        self.stack.pop();
        Ok(top)
    }

    fn pop_to_mark(&mut self) -> Step<Vec<Id>> {
        let mark = self.marks.pop().ok_or_else(|| self.damaged("a mark is missing"))?;
        Ok(self.stack.split_off(mark))
    }

    fn floor(&self) -> usize {
        self.marks.last().copied().unwrap_or(0)
    }

    fn byte(&mut self) -> Step<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    fn unsigned(&mut self, length: usize) -> Step<u32> {
        Ok(self.take(length)?.iter().rev().fold(0, |number, &byte| number << 8 | u32::from(byte)))
    }

    /// A name of an import, up to the end of its line.
    fn line(&mut self) -> Step<String> {
        let end = self.bytes[self.at..].iter().position(|&byte| byte == b'\n');
        let line = self.take(end.ok_or_else(|| self.damaged("it ends within an import"))?)?;
        self.at += 1;
        Ok(String::from_utf8_lossy(line).into_owned())
    }

    fn take(&mut self, length: usize) -> Step<&'a [u8]> {
        let taken = self.bytes[self.at..].get(..length).ok_or_else(|| self.damaged("it ends too early"))?;
        self.at += length;
        Ok(taken)
    }

    fn damaged(&self, what: &'static str) -> PickleError {
        PickleError::Damaged { what, at: self.at }
    }
}

/// `None` if it takes more than 64 bits.
fn little_endian(bytes: &[u8], signed: bool) -> Option<i64> {
    let negative = signed && bytes.last().is_some_and(|&byte| byte >= 0x80);
    let mut all = [if negative { 0xFF } else { 0 }; 8];
    all.get_mut(..bytes.len())?.copy_from_slice(bytes);
    Some(i64::from_le_bytes(all))
}

; Keyspace: finite support names
; unsat means proved
(set-logic ALL)
(declare-fun |k| () Int)
(declare-fun |this.entries.none| (Int) Bool)
(declare-fun |opaque| () Bool)
(define-fun t!1 () Bool (|this.entries.none| |k|))
(assert t!1)
(assert (and (not t!1) |opaque|))
(check-sat)

; PNCounter: identity
; unsat means proved
(set-logic ALL)
(declare-fun |k0| () Int)
(declare-fun |a.up| (Int) Int)
(declare-fun |k0!1| () Int)
(declare-fun |a.down| (Int) Int)
(assert (<= 0 (|a.up| |k0|)))
(assert (<= 0 (|a.down| |k0!1|)))
(assert (not (and (= (|a.up| |k0|) (ite (< (|a.up| |k0|) 0) 0 (|a.up| |k0|))) (= (|a.down| |k0!1|) (ite (< (|a.down| |k0!1|) 0) 0 (|a.down| |k0!1|))))))
(check-sat)

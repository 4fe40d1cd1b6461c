; TombstoneSet: frame remove
; unsat means proved
(set-logic ALL)
(declare-fun |e| () Int)
(declare-fun |k0!1| () Int)
(declare-fun |k1!1.number| () Int)
(declare-fun |k1!1.replica| () Int)
(declare-fun |this.added| (Int Int Int) Bool)
(declare-fun |this.removed| (Int Int Int) Bool)
(declare-fun |t.removed| (Int Int Int) Bool)
(define-fun t!1 () Bool (and (= |e| |k0!1|) (|this.added| |e| |k1!1.replica| |k1!1.number|) (not (|this.removed| |e| |k1!1.replica| |k1!1.number|))))
(define-fun t!2 () Bool (|t.removed| |k0!1| |k1!1.replica| |k1!1.number|))
(assert (not (or t!1 (= t!2 (or t!2 t!1)))))
(check-sat)

; MVRegister: lifting
; unsat means proved
(set-logic ALL)
(declare-fun |x0| () Int)
(declare-fun |x1.number| () Int)
(declare-fun |x1.replica| () Int)
(declare-fun |a.writes| (Int Int Int) Bool)
(declare-fun |b.writes| (Int Int Int) Bool)
(declare-fun |b.seen| (Int Int) Bool)
(declare-fun |a.seen| (Int Int) Bool)
(define-fun t!1 () Bool (|a.writes| |x0| |x1.replica| |x1.number|))
(define-fun t!2 () Bool (|b.writes| |x0| |x1.replica| |x1.number|))
(assert (not (or (not (or (and t!1 t!2) (and t!1 (not (|b.seen| |x1.replica| |x1.number|))) (and t!2 (not (|a.seen| |x1.replica| |x1.number|))))) t!1 t!2)))
(check-sat)

(** Finite sums over 0, ..., n - 1, shared by the other files. *)

From Coq Require Import Reals Lra Lia.
Local Open Scope R_scope.

Fixpoint sum_below (f : nat -> R) (n : nat) : R :=
  match n with
  | O => 0
  | S n => sum_below f n + f n
  end.

Lemma sum_below_ext (f g : nat -> R) n :
  (forall k, (k < n)%nat -> f k = g k) -> sum_below f n = sum_below g n.
Proof.
  induction n as [|n IH]; intros H; [reflexivity|].
  simpl. rewrite IH by (intros; apply H; lia). rewrite H by lia. reflexivity.
Qed.

Lemma sum_below_le (f g : nat -> R) n :
  (forall k, (k < n)%nat -> f k <= g k) -> sum_below f n <= sum_below g n.
Proof.
  induction n as [|n IH]; intros H; simpl; [lra|].
  apply Rplus_le_compat; [apply IH; intros; apply H; lia | apply H; lia].
Qed.

Lemma sum_below_plus (f g : nat -> R) n :
  sum_below (fun k => f k + g k) n = sum_below f n + sum_below g n.
Proof. induction n as [|n IH]; simpl; [lra | rewrite IH; lra]. Qed.

Lemma sum_below_minus (f g : nat -> R) n :
  sum_below (fun k => f k - g k) n = sum_below f n - sum_below g n.
Proof. induction n as [|n IH]; simpl; [lra | rewrite IH; lra]. Qed.

Lemma sum_below_scal c (f : nat -> R) n :
  sum_below (fun k => c * f k) n = c * sum_below f n.
Proof. induction n as [|n IH]; simpl; [lra | rewrite IH; lra]. Qed.

Lemma sum_below_zero n : sum_below (fun _ => 0) n = 0.
Proof. induction n as [|n IH]; simpl; lra. Qed.

Lemma sum_below_nonneg (f : nat -> R) n :
  (forall k, (k < n)%nat -> 0 <= f k) -> 0 <= sum_below f n.
Proof. intros H. rewrite <- (sum_below_zero n). apply sum_below_le, H. Qed.

Lemma sum_below_abs (f : nat -> R) n :
  Rabs (sum_below f n) <= sum_below (fun k => Rabs (f k)) n.
Proof.
  induction n as [|n IH]; simpl; [rewrite Rabs_R0; lra|].
  eapply Rle_trans; [apply Rabs_triang | lra].
Qed.

Lemma sum_below_swap (f : nat -> nat -> R) m n :
  sum_below (fun i => sum_below (f i) n) m = sum_below (fun j => sum_below (fun i => f i j) m) n.
Proof.
  induction m as [|m IH]; simpl.
  - now rewrite sum_below_zero.
  - now rewrite IH, <- sum_below_plus.
Qed.

Lemma sum_below_scal_r c (f : nat -> R) n :
  sum_below (fun k => f k * c) n = sum_below f n * c.
Proof. induction n as [|n IH]; simpl; [lra | rewrite IH; lra]. Qed.

Lemma sum_below_const c n : sum_below (fun _ => c) n = INR n * c.
Proof. induction n as [|n IH]; [simpl; lra|]. rewrite S_INR. simpl. rewrite IH. lra. Qed.
